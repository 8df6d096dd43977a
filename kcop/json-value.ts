import { Row } from '@tidemark/schemas/row.ts'
import type { Table } from '@tidemark/schemas/table.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { JsonImage } from './formats/json-image.ts'
import { Scratch } from './scratch.ts'

const depthMax = 200
/** Compiled images of rows and picks; a processor asks for few different ones of a table. */
const imagesPerTableMax = 64

const images = new WeakMap<Table, Map<string, JsonImage>>()
const scratch = new Scratch()

/**
 * The JSON bytes of a row, a pick of it, or any plain value, by docs/types.md: bigint as digits, bytes as base64, NaN and
 * Infinity as strings; rows may stand inside objects and arrays. Throws RECORD_INVALID for what JSON cannot hold.
 */
export function json(value: unknown): Buffer {
  scratch.length = 0
  write(value, 0)
  const bytes = scratch.copy()
  scratch.trim()
  return bytes
}

function write(value: unknown, depth: number): void {
  if (depth > depthMax) throw invalid(`a value is nested deeper than ${depthMax}, or in itself`)
  if (value instanceof Row) imageOf(value).write(value.tuple, scratch)
  else if (Array.isArray(value)) writeArray(value, depth)
  else if (isMembers(value)) writeMembers(value, depth)
  else put(scalar(value))
}

function writeArray(items: readonly unknown[], depth: number): void {
  put('[')
  items.forEach((item, index) => {
    if (index > 0) put(',')
    write(item === undefined ? null : item, depth + 1)
  })
  put(']')
}

function writeMembers(object: object, depth: number): void {
  put('{')
  let follows = false
  for (const [name, value] of Object.entries(object)) {
    if (value === undefined) continue
    put(`${follows ? ',' : ''}${JSON.stringify(name)}:`)
    write(value, depth + 1)
    follows = true
  }
  put('}')
}

function scalar(value: unknown): string {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return JSON.stringify(value)
    case 'number':
      return Number.isFinite(value) ? JSON.stringify(value) : `"${value}"`
    case 'bigint':
      return String(value)
    case 'object':
      return value === null ? 'null' : special(value)
    default:
      throw invalid(`a value of type ${typeof value} has no JSON form`)
  }
}

/** Bytes, and objects that say themselves how they look in JSON, such as Date. */
function special(value: object): string {
  if (value instanceof Uint8Array) {
    return JSON.stringify(Buffer.from(value.buffer, value.byteOffset, value.length).toString('base64'))
  }
  const text = value instanceof Map || value instanceof Set ? undefined : JSON.stringify(value)
  if (text === undefined) throw invalid('an object has no JSON form')
  return text
}

function isMembers(value: unknown): value is object {
  return (
    typeof value === 'object' &&
    value !== null &&
    !(value instanceof Uint8Array || value instanceof Map || value instanceof Set) &&
    typeof (value as { toJSON?: unknown }).toJSON !== 'function'
  )
}

function put(text: string): void {
  const bytes = scratch.room(text.length * 3)
  scratch.length += bytes.write(text, scratch.length)
}

function imageOf(row: Row): JsonImage {
  const known = images.get(row.table) ?? new Map<string, JsonImage>()
  images.set(row.table, known)
  const name = row.only === null ? '' : row.only.join(',')
  let image = known.get(name)
  if (image !== undefined) return image
  image = new JsonImage(row.table, row.only ?? [...row.table.columns.keys()])
  if (known.size < imagesPerTableMax) known.set(name, image)
  return image
}

function invalid(message: string): TidemarkError {
  return new TidemarkError('RECORD_INVALID', { message: `json(): ${message}` })
}
