import type { AvroSchema } from '../../avro/avro-type.ts'
import type { ColumnType } from '@tidemark/schemas/table.ts'
import {
  AS_BIT,
  AS_BITS,
  AS_DATE,
  AS_DECIMAL,
  AS_INTERVAL,
  AS_MONEY,
  AS_POINT,
  AS_STRING,
  AS_TIME,
  AS_TIMESTAMP,
  AS_TIMESTAMPTZ,
  AS_TIMETZ,
  AS_VARIABLE_DECIMAL,
  type DebeziumType
} from './debezium-type.ts'

/** Digits of a fraction up to which a time counts in milliseconds. */
export const millisecondDigits = 3
const connectDecimal = 'org.apache.kafka.connect.data.Decimal'
const moneyScale = 2
/** Texts with a name of their own, by type. */
const namedTexts: Readonly<Record<string, string>> = {
  xml: 'io.debezium.data.Xml',
  ltree: 'io.debezium.data.Ltree',
  tsvector: 'io.debezium.data.Tsvector'
}

/**
 * The Avro schema of a column as Confluent's AvroData makes it of Debezium's Connect schema: logical types by
 * `connect.name`. A record type is written out where it first stands and named after that; `known` has those written.
 */
export function connectAvroSchema(type: ColumnType, debezium: DebeziumType, known: Set<string>): AvroSchema {
  if (debezium.element !== null) {
    return { type: 'array', items: ['null', connectAvroSchema(type.element!, debezium.element, known)] }
  }
  switch (debezium.code) {
    case AS_STRING:
      return named('string', 'io.debezium.data.Json')
    case AS_DATE:
      return named('int', 'io.debezium.time.Date')
    case AS_TIME:
      return isCoarse(debezium) ? named('int', 'io.debezium.time.Time') : named('long', 'io.debezium.time.MicroTime')
    case AS_TIMESTAMP:
      return named('long', isCoarse(debezium) ? 'io.debezium.time.Timestamp' : 'io.debezium.time.MicroTimestamp')
    case AS_TIMESTAMPTZ:
      return named('string', 'io.debezium.time.ZonedTimestamp')
    case AS_TIMETZ:
      return named('string', 'io.debezium.time.ZonedTime')
    case AS_INTERVAL:
      return named('long', 'io.debezium.time.MicroDuration')
    case AS_DECIMAL:
      return decimal(((type.modifier - 4) >> 16) & 0xffff, (((type.modifier - 4) & 0x7ff) ^ 1024) - 1024)
    case AS_MONEY:
      return decimal(null, moneyScale)
    case AS_VARIABLE_DECIMAL:
      return once(known, variableDecimal)
    case AS_POINT:
      return once(known, point)
    case AS_BIT:
      return 'boolean'
    case AS_BITS:
      return { ...named('bytes', 'io.debezium.data.Bits'), 'connect.parameters': { length: bitLength(type) } }
    default:
      return plainSchema(type)
  }
}

function isCoarse({ fraction }: DebeziumType): boolean {
  return fraction <= millisecondDigits
}

function named(type: string, name: string): { readonly [name: string]: unknown } {
  return { type, 'connect.version': 1, 'connect.name': name }
}

function plainSchema({ kind, name }: ColumnType): AvroSchema {
  switch (kind) {
    case 'boolean':
      return 'boolean'
    case 'int2':
      return { type: 'int', 'connect.type': 'int16' }
    case 'int4':
      return 'int'
    case 'int8':
    case 'oid':
      return 'long'
    case 'float4':
      return 'float'
    case 'float8':
      return 'double'
    case 'bytea':
      return 'bytes'
    case 'uuid':
      return named('string', 'io.debezium.data.Uuid')
    case 'enum':
      return named('string', 'io.debezium.data.Enum')
    default:
      return namedTexts[name] === undefined ? 'string' : named('string', namedTexts[name])
  }
}

function decimal(precision: number | null, scale: number): AvroSchema {
  const parameters = precision === null ? {} : { 'connect.decimal.precision': String(precision) }
  return {
    type: 'bytes',
    scale,
    // AvroData's own default where Connect's schema has none (CONNECT_AVRO_DECIMAL_PRECISION_DEFAULT).
    precision: precision ?? 64,
    'connect.version': 1,
    'connect.parameters': { scale: String(scale), ...parameters },
    'connect.name': connectDecimal,
    logicalType: 'decimal'
  }
}

/** Of `varbit` without a length: what Debezium gives for it, the largest 32-bit number. */
function bitLength({ modifier }: ColumnType): string {
  return String(modifier > 0 ? modifier : 2_147_483_647)
}

function once(known: Set<string>, schema: { namespace: string; name: string }): AvroSchema {
  const fullName = `${schema.namespace}.${schema.name}`
  if (known.has(fullName)) return fullName
  known.add(fullName)
  return schema
}

const variableDecimal = {
  type: 'record',
  name: 'VariableScaleDecimal',
  namespace: 'io.debezium.data',
  fields: [
    { name: 'scale', type: 'int' },
    { name: 'value', type: 'bytes' }
  ],
  'connect.version': 1,
  'connect.doc': 'Variable scaled decimal',
  'connect.name': 'io.debezium.data.VariableScaleDecimal'
}

const point = {
  type: 'record',
  name: 'Point',
  namespace: 'io.debezium.data.geometry',
  fields: [
    { name: 'x', type: 'double' },
    { name: 'y', type: 'double' },
    { name: 'wkb', type: ['null', 'bytes'], default: null },
    { name: 'srid', type: ['null', 'int'], default: null }
  ],
  'connect.version': 1,
  'connect.doc': 'Geometry (POINT)',
  'connect.name': 'io.debezium.data.geometry.Point'
}
