import type { AvroSchema } from '../avro/avro-type.ts'
import { plainText, plainValue, type PlainValue } from './plain-record.ts'

/** A schema that was derived and not registered: the number stands for it in records that are only shown. */
export interface DerivedSchema {
  readonly subject: string
  readonly schema: string
  readonly id: number
  readonly ready: null
}

/** Schemas as a registry would be asked for them, numbered and kept; nothing is asked. */
export class DerivedSchemas {
  private readonly known = new Map<string, DerivedSchema>()

  entry(subject: string, schema: string): DerivedSchema {
    const name = `${subject}\n${schema}`
    let entry = this.known.get(name)
    if (entry === undefined) {
      entry = { subject, schema, id: this.known.size + 1, ready: null }
      this.known.set(name, entry)
    }
    return entry
  }

  /** Every schema of the subject so far. */
  under(subject: string): readonly DerivedSchema[] {
    return [...this.known.values()].filter(entry => entry.subject === subject)
  }

  /** The schema a value in the Confluent wire format names; null when it is not such a value. */
  of(bytes: Buffer): DerivedSchema | null {
    if (bytes.length < 5 || bytes[0] !== 0) return null
    const id = bytes.readInt32BE(1)
    return [...this.known.values()].find(entry => entry.id === id) ?? null
  }
}

/**
 * A value in the Confluent wire format, as plain data: of the schemas kcop derives (avro-type.ts). Decimals are text; dates and
 * times the numbers Avro has. Throws RangeError when the bytes are not of the schema.
 */
export function avroValue(bytes: Buffer, derived: DerivedSchema): PlainValue {
  const { schema, names } = parsed(derived)
  const reader = { bytes, at: 5, names }
  const value = read(schema, reader)
  if (reader.at !== bytes.length) throw new RangeError('an Avro value has bytes behind its end')
  return value
}

/** Bytes as plain data: by the schema they name, else as `plainValue`. */
export function decodedValue(
  bytes: Buffer | null,
  schemas: DerivedSchemas
): { value: PlainValue; subject: string | null } {
  const schema = bytes === null ? null : schemas.of(bytes)
  if (bytes === null || schema === null) return { value: plainValue(bytes), subject: null }
  try {
    return { value: avroValue(bytes, schema), subject: schema.subject }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    return { value: plainValue(bytes), subject: null }
  }
}

interface Reader {
  readonly bytes: Buffer
  at: number
  /** Records by their names, of which a schema says the second and later ones alone. */
  readonly names: ReadonlyMap<string, AvroSchema>
}

interface ParsedSchema {
  readonly schema: AvroSchema
  readonly names: ReadonlyMap<string, AvroSchema>
}

const parsedSchemas = new WeakMap<DerivedSchema, ParsedSchema>()

function parsed(derived: DerivedSchema): ParsedSchema {
  let known = parsedSchemas.get(derived)
  if (known === undefined) {
    const schema = JSON.parse(derived.schema) as AvroSchema
    const names = new Map<string, AvroSchema>()
    collectNames(schema, names)
    known = { schema, names }
    parsedSchemas.set(derived, known)
  }
  return known
}

function collectNames(schema: AvroSchema, names: Map<string, AvroSchema>): void {
  if (typeof schema === 'string') return
  if (isUnion(schema)) {
    for (const branch of schema) collectNames(branch, names)
    return
  }
  const { name, namespace, type, fields, items: element } = schema as Record<string, AvroSchema | undefined>
  if (type === 'record' && typeof name === 'string') {
    names.set(name, schema)
    if (typeof namespace === 'string') names.set(`${namespace}.${name}`, schema)
    for (const field of fields as unknown as Field[]) collectNames(field.type, names)
  }
  if (element !== undefined) collectNames(element, names)
}

function read(schema: AvroSchema, reader: Reader): PlainValue {
  if (typeof schema === 'string') {
    const record = reader.names.get(schema)
    return record === undefined ? primitive(schema, reader) : read(record, reader)
  }
  if (isUnion(schema)) return read(schema[Number(long(reader))]!, reader)
  if (schema['type'] === 'record') return record(schema['fields'] as Field[], reader)
  if (schema['type'] === 'array') return items(schema['items'] as AvroSchema, reader)
  if (schema['logicalType'] === 'decimal') return decimal(taken(reader), schema['scale'] as number)
  return read(schema['type'] as AvroSchema, reader)
}

function isUnion(schema: AvroSchema): schema is readonly AvroSchema[] {
  return Array.isArray(schema)
}

interface Field {
  name: string
  type: AvroSchema
}

function record(fields: readonly Field[], reader: Reader): PlainValue {
  return Object.fromEntries(fields.map(({ name, type }) => [name, read(type, reader)])) as PlainValue
}

function items(schema: AvroSchema, reader: Reader): PlainValue {
  const all: PlainValue[] = []
  for (;;) {
    let count = Number(long(reader))
    if (count === 0) return all as PlainValue
    if (count < 0) {
      count = -count
      long(reader)
    }
    while (count-- > 0) all.push(read(schema, reader))
  }
}

function primitive(type: string, reader: Reader): PlainValue {
  switch (type) {
    case 'null':
      return null
    case 'boolean':
      return slice(reader, 1)[0] === 1
    case 'int':
    case 'long':
      return narrowed(long(reader))
    case 'float':
      return number(slice(reader, 4).readFloatLE())
    case 'double':
      return number(slice(reader, 8).readDoubleLE())
    case 'string':
      return taken(reader).toString()
    case 'bytes':
      return plainText(taken(reader))
    default:
      throw new RangeError(`an Avro schema has the type ${type}, which no column has`)
  }
}

/** JSON has no NaN and no infinities. */
function number(value: number): number | string {
  return Number.isFinite(value) ? value : String(value)
}

function narrowed(value: bigint): number | bigint {
  return value >= -(2n ** 53n) && value <= 2n ** 53n ? Number(value) : value
}

/** Two's complement, big-endian. */
function decimal(bytes: Buffer, scale: number): string {
  const unscaled = bytes.length === 0 ? 0n : BigInt.asIntN(bytes.length * 8, BigInt(`0x${bytes.toString('hex')}`))
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0')
  const whole = digits.slice(0, digits.length - scale)
  return `${unscaled < 0n ? '-' : ''}${whole}${scale === 0 ? '' : `.${digits.slice(-scale)}`}`
}

function taken(reader: Reader): Buffer {
  return slice(reader, Number(long(reader)))
}

function slice(reader: Reader, length: number): Buffer {
  const { bytes, at } = reader
  if (length < 0 || at + length > bytes.length) throw new RangeError('an Avro value ends before its schema does')
  reader.at += length
  return bytes.subarray(at, reader.at)
}

function long(reader: Reader): bigint {
  let value = 0n
  for (let shift = 0n; ; shift += 7n) {
    const byte = slice(reader, 1)[0]!
    value |= BigInt(byte & 127) << shift
    if (byte < 128) return (value >> 1n) ^ -(value & 1n)
  }
}
