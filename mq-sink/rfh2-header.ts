// MQRFH2 ("MQRFH2 - Rules and formatting header 2"): StrucId "RFH ", Version 2, StrucLength, Encoding, CodedCharSetId and
// Format of what follows, Flags, NameValueCCSID; then one folder `usr`, its length a multiple of four. The queue manager
// makes message properties of it.

export const rfh2Format = 'MQHRF2'
const fixedBytes = 36
const utf8 = 1208

/** Of a property: as JMS and the MQI have them. 64-bit integers come as text. */
export type PropertyType = 'string' | 'boolean' | 'bytes' | 'i4' | 'i8' | 'r8'

export interface Property {
  /** Dots part levels. */
  name: string
  type: PropertyType
  value: string
}

/** The header with the properties. `ccsid`, `encoding`, `format`: of the content after it. */
export function rfh2Header(
  properties: readonly Property[],
  { ccsid, encoding, format }: { ccsid: number; encoding: number; format: string }
): Buffer {
  const folder = Buffer.from(`<usr>${properties.map(element).join('')}</usr>`)
  const folderBytes = Math.ceil(folder.length / 4) * 4
  const header = Buffer.alloc(fixedBytes + 4 + folderBytes, ' ')
  header.write('RFH ', 0, 'latin1')
  header.writeInt32LE(2, 4)
  header.writeInt32LE(header.length, 8)
  header.writeInt32LE(encoding, 12)
  header.writeInt32LE(ccsid, 16)
  header.write(format.padEnd(8), 20, 8, 'latin1')
  header.writeInt32LE(0, 28)
  header.writeInt32LE(utf8, 32)
  header.writeInt32LE(folderBytes, fixedBytes)
  folder.copy(header, fixedBytes + 4)
  return header
}

function element({ name, type, value }: Property): string {
  const levels = name.split('.')
  const leaf = levels.pop()!
  const opening = levels.map(level => `<${level}>`).join('')
  const closing = levels
    .reverse()
    .map(level => `</${level}>`)
    .join('')
  const attribute = type === 'string' ? '' : ` dt='${type === 'bytes' ? 'bin.hex' : type}'`
  return `${opening}<${leaf}${attribute}>${escaped(value)}</${leaf}>${closing}`
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

const reservedWords = new Set(['NOT', 'AND', 'OR', 'BETWEEN', 'LIKE', 'IN', 'IS', 'ESCAPE', 'NULL', 'TRUE', 'FALSE'])
const reservedRoots = new Set(['mq', 'jms', 'mcd', 'usr', 'sib', 'wmq', 'root', 'body', 'properties'])

/**
 * "Property name restrictions": letters, digits, `_`, `$`, dots between; no keyword; not what IBM keeps for itself. What
 * else stands in a header's name becomes `_`.
 */
export function propertyName(header: string): string {
  const levels = header.split('.').map(level => {
    const legal = level.replace(/[^\p{L}\p{N}_$]/gu, '_')
    return /^[\p{L}_$]/u.test(legal) && !reservedWords.has(legal.toUpperCase()) ? legal : `_${legal}`
  })
  if (/^JMS/i.test(levels[0]!) || reservedRoots.has(levels[0]!.toLowerCase())) levels[0] = `_${levels[0]}`
  return levels.join('.')
}

/** Characters that no XML text may hold. */
// oxlint-disable-next-line no-control-regex
const unwritable = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/

/** `type`: what the capturing source said of it, if anything. What is no text goes as bytes. */
export function propertyOf(name: string, value: Buffer, type: string | undefined): Property {
  const text = value.toString('utf8')
  if (type === 'bytes' || unwritable.test(text) || !Buffer.from(text).equals(value)) {
    return { name, type: 'bytes', value: value.toString('hex').toUpperCase() }
  }
  if (type === 'boolean') return { name, type: 'boolean', value: text === 'true' ? '1' : '0' }
  if (type === 'number') return { name, type: numberType(text), value: text }
  return { name, type: 'string', value: text }
}

function numberType(text: string): PropertyType {
  if (!/^-?\d{1,18}$/.test(text)) return 'r8'
  const value = Number(text)
  return Math.abs(value) < 2 ** 31 ? 'i4' : 'i8'
}
