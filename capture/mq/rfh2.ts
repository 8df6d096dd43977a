import type { MessageProperty } from './message-properties.ts'

// MQRFH2 ("MQRFH2 - Rules and formatting header 2"): StrucId "RFH ", Version 2, StrucLength, Encoding and CodedCharSetId
// and Format of what follows, Flags, NameValueCCSID; then folders, each a length and XML-like text.

export const rfh2Format = 'MQHRF2'
const fixedBytes = 36
/** Deeper than any queue manager nests groups of properties. */
const depthMax = 16

/** What an MQRFH2 says of the content after it, and the properties in it. */
export interface Rfh2 {
  /** Bytes of the header: the content begins there. */
  length: number
  encoding: number
  ccsid: number
  format: string
  properties: [name: string, value: MessageProperty][]
}

/** `bigEndian`: of the header's numbers, as the encoding of what stands before it says. null: it is none, or damaged. */
export function parseRfh2(body: Buffer, bigEndian: boolean): Rfh2 | null {
  const int = (at: number) => (bigEndian ? body.readInt32BE(at) : body.readInt32LE(at))
  if (body.length < fixedBytes || body.toString('latin1', 0, 4) !== 'RFH ' || int(4) !== 2) return null
  const length = int(8)
  if (length < fixedBytes || length > body.length) return null
  const properties: Rfh2['properties'] = []
  for (let at = fixedBytes; at < length;) {
    if (at + 4 > length) return null
    const size = int(at)
    if (size < 0 || at + 4 + size > length) return null
    addFolder(body.toString('utf8', at + 4, at + 4 + size), properties)
    at += 4 + size
  }
  const format = body.toString('latin1', 20, 28).replace(/[\0 ]+$/, '')
  return { length, encoding: int(12), ccsid: int(16), format, properties }
}

/** Each place of it can match in one way only: what anybody may put shall take no more time than it is long. */
const tag = /<(\/?)([^\s/<>]+)((?:[\s/][^<>]*)?)>([^<]*)/g

/** `<usr><a dt='i4'>1</a><b><c>x</c></b></usr>`: properties a and b.c; those of other folders keep the folder's name. */
function addFolder(text: string, into: Rfh2['properties']): void {
  const path: string[] = []
  let pending: { attributes: string; value: string } | null = null
  for (const [, closing, name, attributes, after] of text.matchAll(tag)) {
    const isEmpty = attributes!.endsWith('/')
    if (closing === '') {
      if (path.length >= depthMax) return
      path.push(name!)
      pending = { attributes: attributes!, value: isEmpty ? '' : after! }
      if (!isEmpty) continue
    }
    if (pending !== null && path.length > 1) into.push([nameOf(path), valueOf(pending.attributes, pending.value)])
    pending = null
    path.pop()
  }
}

function nameOf(path: readonly string[]): string {
  return (path[0] === 'usr' ? path.slice(1) : path).join('.')
}

/** Types as JMS and the MQI write them: `dt`; without one it is a string, and so is what is none of its type. */
function valueOf(attributes: string, text: string): MessageProperty {
  if (/xsi:nil\s*=\s*['"]true['"]/.test(attributes)) return ''
  const type = /dt\s*=\s*['"]([^'"]+)['"]/.exec(attributes)?.[1] ?? 'string'
  return typed(type, text.trim()) ?? unescaped(text)
}

/** null: it is text. 64-bit integers are, since a double would round them. */
function typed(type: string, text: string): MessageProperty | null {
  if (type === 'boolean') return booleans.get(text) ?? null
  if (type === 'bin.hex') {
    const bytes = Buffer.from(text, 'hex')
    return bytes.length * 2 === text.length ? bytes : null
  }
  if (type === 'i8') return text
  if (!numeric.has(type) || text === '' || !Number.isFinite(Number(text))) return null
  return Number(text)
}

const booleans: ReadonlyMap<string, boolean> = new Map([
  ['1', true],
  ['true', true],
  ['0', false],
  ['false', false]
])
const numeric: ReadonlySet<string> = new Set(['i1', 'i2', 'i4', 'int', 'r4', 'r8'])

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

function unescaped(text: string): string {
  return text.replace(/&(amp|lt|gt|quot|apos);/g, (_, name: string) => entities[name]!)
}
