/*
 * Avro specification 1.12, "Parsing Canonical Form for Schemas" and "Schema Fingerprints": two schemas that read the same
 * bytes in the same way have one canonical text, and its CRC-64-AVRO stands before each single-object encoding.
 */

export type AvroSchema = string | AvroSchema[] | { [attribute: string]: unknown; type: AvroSchema | string }

const primitives = new Set(['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string'])
const EMPTY = 0xc15d213aa4d7a795n
const table: readonly bigint[] = Array.from({ length: 256 }, (_, byte) => remainder(BigInt(byte)))

/** CRC-64-AVRO of the schema's parsing canonical form. */
export function fingerprint(schema: AvroSchema): bigint {
  return crc64Avro(Buffer.from(canonicalForm(schema)))
}

export function crc64Avro(bytes: Uint8Array): bigint {
  let crc = EMPTY
  for (const byte of bytes) crc = (crc >> 8n) ^ table[Number(crc & 0xffn) ^ byte]!
  return crc
}

/** Without aliases, docs, defaults and namespaces of their own; full names; attributes in the order the specification says. */
export function canonicalForm(schema: AvroSchema, namespace = ''): string {
  if (typeof schema === 'string') return JSON.stringify(fullName(schema, namespace))
  if (Array.isArray(schema)) return `[${schema.map(branch => canonicalForm(branch, namespace)).join(',')}]`
  if (typeof schema.type === 'string' && primitives.has(schema.type)) return JSON.stringify(schema.type)
  return complexForm(schema, namespace)
}

function complexForm(schema: Exclude<AvroSchema, string | AvroSchema[]>, namespace: string): string {
  const name = typeof schema.name === 'string' ? schema.name : null
  const own = name === null ? namespace : namespaceOf(name, (schema.namespace as string | undefined) ?? namespace)
  const attributes: string[] = []
  if (name !== null) attributes.push(`"name":${JSON.stringify(fullName(name, own))}`)
  attributes.push(`"type":${JSON.stringify(schema.type)}`)
  if (schema.fields)
    attributes.push(`"fields":[${(schema.fields as Field[]).map(field => fieldForm(field, own)).join(',')}]`)
  if (schema.symbols) attributes.push(`"symbols":${JSON.stringify(schema.symbols)}`)
  if (schema.items) attributes.push(`"items":${canonicalForm(schema.items as AvroSchema, own)}`)
  if (schema.values) attributes.push(`"values":${canonicalForm(schema.values as AvroSchema, own)}`)
  if (schema.size !== undefined) attributes.push(`"size":${JSON.stringify(schema.size)}`)
  return `{${attributes.join(',')}}`
}

interface Field {
  name: string
  type: AvroSchema
}

function fieldForm(field: Field, namespace: string): string {
  return `{"name":${JSON.stringify(field.name)},"type":${canonicalForm(field.type, namespace)}}`
}

function namespaceOf(name: string, inherited: string): string {
  const dot = name.lastIndexOf('.')
  return dot < 0 ? inherited : name.slice(0, dot)
}

function fullName(name: string, namespace: string): string {
  return primitives.has(name) || name.includes('.') || namespace === '' ? name : `${namespace}.${name}`
}

function remainder(byte: bigint): bigint {
  let value = byte
  for (let bit = 0; bit < 8; bit++) value = (value >> 1n) ^ (value & 1n ? EMPTY : 0n)
  return value
}
