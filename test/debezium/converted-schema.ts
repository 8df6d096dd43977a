/** A schema as Kafka Connect's JsonConverter writes it beside a value. */
export interface ConnectSchema {
  type: string
  optional?: boolean
  name?: string
  version?: number
  doc?: string
  default?: unknown
  parameters?: Record<string, string>
  field?: string
  fields?: ConnectSchema[]
  items?: ConnectSchema
}

type Avro = string | { [name: string]: unknown } | Avro[]

const plain: Readonly<Record<string, string>> = {
  int32: 'int',
  int64: 'long',
  float: 'float',
  double: 'double',
  boolean: 'boolean',
  string: 'string',
  bytes: 'bytes'
}
const decimal = 'org.apache.kafka.connect.data.Decimal'
const precisionWithout = 64

/**
 * What Confluent's AvroData makes of a Connect schema (AvroData.fromConnectSchema, `connect.meta.data: true`): the step
 * of an AvroConverter that a JsonConverter leaves out. Types that stand again are named.
 */
export function avroOf(schema: ConnectSchema, known = new Set<string>()): Avro {
  const base = baseOf(schema, known)
  if (typeof base === 'string' && known.has(base)) return base
  const properties = propertiesOf(schema)
  if (typeof base === 'string' && Object.keys(properties).length === 0) return base
  return { ...(typeof base === 'string' ? { type: base } : (base as { [name: string]: unknown })), ...properties }
}

function baseOf(schema: ConnectSchema, known: Set<string>): Avro {
  switch (schema.type) {
    case 'struct':
      return recordOf(schema, known)
    case 'array':
      return { type: 'array', items: unionOf(schema.items!, known) }
    case 'int16':
      return { type: 'int', 'connect.type': 'int16' }
    case 'bytes':
      return schema.name === decimal ? decimalOf(schema) : 'bytes'
    default:
      return plain[schema.type]!
  }
}

function recordOf({ name, fields }: ConnectSchema, known: Set<string>): Avro {
  if (known.has(name!)) return name!
  known.add(name!)
  const dot = name!.lastIndexOf('.')
  const written = fields!.map(field => {
    const fallback = field.default !== undefined ? { default: field.default } : field.optional ? { default: null } : {}
    return { name: field.field!, type: unionOf(field, known), ...fallback }
  })
  return { type: 'record', name: name!.slice(dot + 1), namespace: name!.slice(0, dot), fields: written }
}

/** The branch of the default stands first. */
function unionOf(schema: ConnectSchema, known: Set<string>): Avro {
  const type = avroOf(schema, known)
  if (!schema.optional) return type
  return schema.default === undefined || schema.default === null ? ['null', type] : [type, 'null']
}

function decimalOf({ parameters }: ConnectSchema): Avro {
  const { scale, 'connect.decimal.precision': precision } = parameters!
  return {
    type: 'bytes',
    scale: Number(scale),
    precision: precision === undefined ? precisionWithout : Number(precision),
    logicalType: 'decimal'
  }
}

function propertiesOf({ name, version, doc, parameters, default: fallback }: ConnectSchema): Record<string, unknown> {
  return {
    ...(doc === undefined ? {} : { 'connect.doc': doc }),
    ...(version === undefined ? {} : { 'connect.version': version }),
    ...(parameters === undefined ? {} : { 'connect.parameters': parameters }),
    ...(fallback === undefined ? {} : { 'connect.default': fallback }),
    ...(name === undefined ? {} : { 'connect.name': name })
  }
}
