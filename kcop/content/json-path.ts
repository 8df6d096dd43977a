import { isUtf8 } from 'node:buffer'
import { afterName, afterSpace, afterString, afterValue } from './json-scanner.ts'

/** From the outside in: names of members, numbers of array elements, from 0. */
export type JsonPath = readonly (string | number)[]

/** As a path is written: `$.order.id`, `$.lines[0].sku`. For the pattern of a schema. */
export const jsonPathPattern = String.raw`\$(\.[^.[\]]+|\[(0|[1-9]\d{0,8})\])+`
const whole = new RegExp(`^${jsonPathPattern}$`)
const steps = /\.([^.[\]]+)|\[(\d+)\]/g

/** null: it is no such path. */
export function jsonPath(text: string): JsonPath | null {
  if (!whole.test(text)) return null
  return Array.from(text.matchAll(steps), ([, name, index]) => name ?? Number(index))
}

export function jsonPathText(path: JsonPath): string {
  return `$${path.map(step => (typeof step === 'number' ? `[${step}]` : `.${step}`)).join('')}`
}

/** Whether the bytes are one JSON text in UTF-8 (RFC 8259), nested no deeper than json-scanner.ts allows. */
export function isJson(bytes: Buffer): boolean {
  return isUtf8(bytes) && afterSpace(bytes, afterValue(bytes, afterSpace(bytes, 0))) === bytes.length
}

/** The value at `path`, as it is written, in bytes that `isJson`; of members of one name the last. null: there is none. */
export function valueAt(bytes: Buffer, path: JsonPath): Buffer | null {
  let at = afterSpace(bytes, 0)
  for (const step of path) {
    const inside = typeof step === 'number' ? elementAt(bytes, at, step) : memberAt(bytes, at, step)
    if (inside === null) return null
    at = inside
  }
  return bytes.subarray(at, afterValue(bytes, at))
}

function memberAt(bytes: Buffer, object: number, name: string): number | null {
  if (bytes[object] !== 0x7b) return null
  let found: number | null = null
  let at = afterSpace(bytes, object + 1)
  while (bytes[at] === 0x22) {
    const value = afterName(bytes, at)
    if (nameOf(bytes, at) === name) found = value
    at = nextPlace(bytes, value)
  }
  return found
}

function elementAt(bytes: Buffer, array: number, index: number): number | null {
  if (bytes[array] !== 0x5b) return null
  let at = afterSpace(bytes, array + 1)
  for (let passed = 0; passed < index && bytes[at] !== 0x5d && at < bytes.length; passed++) at = nextPlace(bytes, at)
  return bytes[at] === 0x5d || at >= bytes.length ? null : at
}

/** Behind the value at `at` and its comma; at the closing bracket or brace when it is the last. */
function nextPlace(bytes: Buffer, at: number): number {
  const end = afterSpace(bytes, afterValue(bytes, at))
  return bytes[end] === 0x2c ? afterSpace(bytes, end + 1) : end
}

function nameOf(bytes: Buffer, at: number): string {
  const end = afterString(bytes, at)
  const name = bytes.toString('utf8', at + 1, end - 1)
  return name.includes('\\') ? (JSON.parse(`"${name}"`) as string) : name
}
