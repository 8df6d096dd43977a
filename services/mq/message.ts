import { randomBytes } from 'node:crypto'

/** Offsets in MQMD version 2 ("MQMD - Message descriptor" in IBM's reference). */
export const at = {
  expiry: 16,
  encoding: 24,
  ccsid: 28,
  format: 32,
  priority: 40,
  persistence: 44,
  msgId: 48,
  correlId: 72,
  backoutCount: 96,
  userIdentifier: 196,
  putApplName: 276,
  putDate: 304,
  putTime: 312,
  groupId: 324,
  sequence: 348,
  flags: 356
} as const
export const idBytes = 24

export const inGroup = 8
export const lastInGroup = 16
const noId = Buffer.alloc(idBytes)

/** A message on a queue. */
export interface Message {
  descriptor: Buffer
  /** As shim.c carries them: type, length of name, length of value, name, value; again. */
  properties: Buffer
  body: Buffer
  /** Of arrival. */
  order: number
  /** Milliseconds since the Unix epoch; Infinity: never. */
  expiresAt: number
  /** The connection whose unit of work has it; null when it is free. */
  owner: object | null
  /** Whether that unit of work put it (else it got it). */
  wasPut: boolean
}

export function idAt(descriptor: Buffer, offset: number): Buffer {
  return descriptor.subarray(offset, offset + idBytes)
}

export function isNone(id: Buffer): boolean {
  return id.equals(noId)
}

export function groupKey(message: Message): string {
  return idAt(message.descriptor, at.groupId).toString('latin1')
}

export function sequenceOf(message: Message): number {
  return message.descriptor.readInt32LE(at.sequence)
}

export function flagsOf(message: Message): number {
  return message.descriptor.readInt32LE(at.flags)
}

export function isGrouped(message: Message): boolean {
  return (flagsOf(message) & (inGroup | lastInGroup)) !== 0
}

/** `AMQ `, twelve characters of the queue manager's name, eight bytes of its own: as a queue manager makes them. */
export function newId(queueManager: string, unique: number): Buffer {
  const id = Buffer.alloc(idBytes)
  id.write(`AMQ ${queueManager.padEnd(12).slice(0, 12)}`, 'latin1')
  id.writeUInt32BE(session, 16)
  id.writeUInt32BE(unique >>> 0, 20)
  return id
}

const session = randomBytes(4).readUInt32BE()

/** Fills what a queue manager fills in at MQPUT. `now`: ms since the Unix epoch. */
export function stamp(descriptor: Buffer, now: number): void {
  descriptor.writeInt32LE(0, at.backoutCount)
  if (descriptor.readInt32LE(at.priority) < 0) descriptor.writeInt32LE(0, at.priority)
  if (descriptor.readInt32LE(at.persistence) > 1) descriptor.writeInt32LE(0, at.persistence)
  if (descriptor.readInt32LE(at.ccsid) === 0) descriptor.writeInt32LE(1208, at.ccsid)
  const [date, time] = new Date(now).toISOString().replaceAll(/[-:]/g, '').split('T') as [string, string]
  descriptor.write(date, at.putDate, 8, 'latin1')
  descriptor.write(`${time.slice(0, 6)}${time.slice(7, 9)}`, at.putTime, 8, 'latin1')
  descriptor.write('tidemark stand-in'.padEnd(28), at.putApplName, 28, 'latin1')
}

/** The properties as an MQRFH2 of folders mcd, usr, .. (MQGMO_PROPERTIES_FORCE_MQRFH2), or nothing when there are none. */
export function rfh2Of(properties: Buffer, descriptor: Buffer): Buffer {
  const folders = foldersOf(properties)
  if (folders.size === 0) return Buffer.alloc(0)
  const parts = [...folders].map(([name, content]) => {
    const text = Buffer.from(`<${name}>${content}</${name}>`)
    const padded = Buffer.alloc(Math.ceil(text.length / 4) * 4, ' ')
    text.copy(padded)
    const length = Buffer.alloc(4)
    length.writeInt32LE(padded.length)
    return Buffer.concat([length, padded])
  })
  const head = Buffer.alloc(36)
  head.write('RFH ', 'latin1')
  head.writeInt32LE(2, 4)
  head.writeInt32LE(36 + parts.reduce((sum, part) => sum + part.length, 0), 8)
  head.writeInt32LE(descriptor.readInt32LE(at.encoding), 12)
  head.writeInt32LE(descriptor.readInt32LE(at.ccsid), 16)
  descriptor.copy(head, 20, at.format, at.format + 8)
  head.writeInt32LE(1208, 32)
  return Buffer.concat([head, ...parts])
}

function foldersOf(properties: Buffer): Map<string, string> {
  const folders = new Map<string, string>()
  for (let from = 0; from + 12 <= properties.length;) {
    const [type, nameLength, valueLength] = [0, 4, 8].map(by => properties.readInt32LE(from + by)) as [
      number,
      number,
      number
    ]
    const name = properties.toString('utf8', from + 12, from + 12 + nameLength)
    const value = properties.subarray(from + 12 + nameLength, from + 12 + nameLength + valueLength)
    from += 12 + nameLength + valueLength
    const [folder, leaf] = name.includes('.') ? [name.split('.')[0]!, name.slice(name.indexOf('.') + 1)] : ['usr', name]
    folders.set(folder, `${folders.get(folder) ?? ''}${elementOf(leaf, type, value)}`)
  }
  return folders
}

/** "Property data types" of MQSETMP, and what `dt` says of them in an RFH2. */
function elementOf(name: string, type: number, value: Buffer): string {
  if (type === 2) return `<${name} xsi:nil='true'></${name}>`
  if (type === 4) return `<${name} dt='boolean'>${value.readInt32LE(0)}</${name}>`
  if (type === 8) return `<${name} dt='bin.hex'>${value.toString('hex').toUpperCase()}</${name}>`
  if (type === 64) return `<${name} dt='i4'>${value.readInt32LE(0)}</${name}>`
  if (type === 128) return `<${name} dt='i8'>${value.readBigInt64LE(0)}</${name}>`
  if (type === 512) return `<${name} dt='r8'>${value.readDoubleLE(0)}</${name}>`
  return `<${name}>${escaped(value.toString('utf8'))}</${name}>`
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
