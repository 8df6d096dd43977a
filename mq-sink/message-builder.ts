import { hash } from 'node:crypto'
import { headerName } from '@tidemark/schemas/record-header.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { SinkRecord, SinkTransaction } from './feed.ts'
import { idBytes, noId, type PutMessage } from './put-message.ts'
import type { QueueTarget, RecordFact } from './queue-target.ts'
import { propertyName, propertyOf, rfh2Format, rfh2Header, type Property } from './rfh2-header.ts'

/** Headers of this prefix are fields of a message descriptor, as the source writes them. */
const descriptorPrefix = 'mq.'
const typesHeader = 'mq.PropertyTypes'
const utf8 = 1208
/** MQENC_NATIVE of x86-64 and ARM64: little-endian integers, reversed IEEE. */
const nativeEncoding = 546
const types = { datagram: 8, request: 1, reply: 2 } as const
const persistences = { nonpersistent: 0, persistent: 1, queue: 2 } as const
const empty = Buffer.alloc(0)
const namesMax = 1_000

/** Makes the message of a record. */
export class MessageBuilder {
  private readonly targets: readonly QueueTarget[]
  private readonly byTopic = new Map<string, number>()
  private readonly rest: number
  private readonly names = new Map<string, string>()

  constructor(targets: readonly QueueTarget[]) {
    this.targets = targets
    targets.forEach(({ topics }, index) => topics?.forEach(topic => this.byTopic.set(topic, index)))
    this.rest = targets.findIndex(({ topics }) => topics === null)
  }

  /** null: the record goes to no queue. Throws RECORD_INVALID when a header cannot be what its name says. */
  message(record: SinkRecord, transaction: SinkTransaction): PutMessage | null {
    const index = this.byTopic.get(record.topic) ?? this.rest
    const target = this.targets[index]
    if (target === undefined || (record.value === null && target.tombstones === 'skip')) return null
    const headers = new Headers(record, target)
    const content = headers.contentFields(target)
    const properties = this.properties(record, transaction, target, headers)
    const value = record.value ?? empty
    const body = properties.length === 0 ? [value] : [rfh2Header(properties, content), value]
    return {
      queue: index,
      ...content,
      ...(properties.length === 0 ? {} : { format: rfh2Format, ccsid: utf8, encoding: nativeEncoding }),
      persistence: headers.number('mq.Persistence', 0, 1) ?? persistences[target.persistence],
      priority: headers.number('mq.Priority', 0, 9) ?? target.priority ?? -1,
      expiry: headers.expiry() ?? expiryOf(target),
      type: typeOf(target, headers),
      feedback: headers.number('mq.Feedback', 0, 2 ** 31 - 1) ?? 0,
      flags: 0,
      sequence: 1,
      correlId: correlIdOf(record, target, headers),
      groupId: noId,
      replyToQueue: headers.text('mq.ReplyToQ', 48) ?? target.replyToQueue,
      replyToQueueManager: headers.text('mq.ReplyToQMgr', 48) ?? target.replyToQueueManager,
      body
    }
  }

  private properties(
    record: SinkRecord,
    transaction: SinkTransaction,
    target: QueueTarget,
    headers: Headers
  ): Property[] {
    const properties = new Map<string, Property>()
    if (target.headers === 'all' || target.headers === 'properties') {
      const named = headers.propertyTypes()
      for (const [header, value] of record.headers) {
        if (value === null || header.startsWith(descriptorPrefix) || header === headerName) continue
        const name = this.nameOf(header)
        properties.set(name, propertyOf(name, value, named?.get(header)))
      }
    }
    for (const [name, fact] of target.properties) properties.set(name, factOf(name, fact, record, transaction))
    return [...properties.values()]
  }

  private nameOf(header: string): string {
    let name = this.names.get(header)
    if (name !== undefined) return name
    name = propertyName(header)
    // Names are few and come again; a producer of ever new ones shall not fill the memory.
    if (this.names.size < namesMax) this.names.set(header, name)
    return name
  }
}

/** What a record's `mq.` headers say of the message, where the queue takes them over. */
class Headers {
  private readonly record: SinkRecord
  private readonly byName = new Map<string, Buffer>()

  constructor(record: SinkRecord, { headers }: QueueTarget) {
    this.record = record
    const descriptor = headers === 'all' || headers === 'descriptor'
    for (const [name, value] of record.headers) {
      if (!name.startsWith(descriptorPrefix) || value === null) continue
      if (descriptor || name === typesHeader || name === 'mq.MsgId' || name === 'mq.CorrelId')
        this.byName.set(name, value)
    }
    this.usesDescriptor = descriptor
  }

  private readonly usesDescriptor: boolean

  contentFields({ format }: QueueTarget): Pick<PutMessage, 'format' | 'ccsid' | 'encoding'> {
    return {
      format: this.text('mq.Format', 8) ?? (format === 'string' ? 'MQSTR' : ''),
      ccsid: this.number('mq.CodedCharSetId', -2, 65_535) ?? utf8,
      encoding: this.number('mq.Encoding', 0, 2 ** 31 - 1) ?? nativeEncoding
    }
  }

  number(name: string, least: number, most: number): number | null {
    const text = this.text(name, 11)
    if (text === null) return null
    const value = Number(text)
    if (!Number.isInteger(value) || value < least || value > most) throw this.unusable(name)
    return value
  }

  /** Tenths of a second; 0 is none that the MQI takes. */
  expiry(): number | null {
    const expiry = this.number('mq.Expiry', -1, 2 ** 31 - 1)
    if (expiry === 0) throw this.unusable('mq.Expiry')
    return expiry
  }

  text(name: string, bytesMax: number): string | null {
    const value = this.usesDescriptor ? this.byName.get(name) : undefined
    if (value === undefined) return null
    if (value.length > bytesMax) throw this.unusable(name)
    return value.toString('latin1')
  }

  id(name: string): Buffer | null {
    const value = this.byName.get(name)
    if (value === undefined) return null
    const id = hexId(value)
    if (id === null) throw this.unusable(name)
    return id
  }

  propertyTypes(): Map<string, string> | null {
    const text = this.byName.get(typesHeader)?.toString()
    if (text === undefined) return null
    return new Map(
      text.split(' ').map(entry => {
        const at = entry.lastIndexOf('=')
        return [entry.slice(0, at), entry.slice(at + 1)]
      })
    )
  }

  private unusable(name: string): TidemarkError {
    const { topic, partition, offset } = this.record
    return new TidemarkError('RECORD_INVALID', {
      message: `header ${name} of a record cannot be put into a message descriptor`,
      place: `${topic} partition ${partition} offset ${offset}`,
      cure: 'correct what writes the header, or take no descriptor over: `headers: properties` of the queue'
    })
  }
}

function expiryOf({ expiryMs }: QueueTarget): number {
  return expiryMs === null ? -1 : Math.max(1, Math.ceil(expiryMs / 100))
}

/** A message that names a queue for replies is a request. */
function typeOf(target: QueueTarget, headers: Headers): number {
  if (target.messageType !== null) return types[target.messageType]
  return headers.number('mq.MsgType', 1, 999_999_999) ?? (target.replyToQueue === '' ? types.datagram : types.request)
}

function correlIdOf({ key }: SinkRecord, { correlId }: QueueTarget, headers: Headers): Buffer {
  switch (correlId) {
    case 'none':
      return noId
    case 'header':
      return headers.id('mq.CorrelId') ?? noId
    case 'msgId':
      return headers.id('mq.MsgId') ?? noId
    case 'key':
      return key === null ? noId : keyId(key)
  }
}

/** 48 hexadecimal digits are the 24 bytes they write; up to 24 bytes are themselves; of longer keys a digest. */
export function keyId(key: Buffer): Buffer {
  const written = key.length === idBytes * 2 ? hexId(key) : null
  if (written !== null) return written
  const id = Buffer.alloc(idBytes)
  if (key.length <= idBytes) key.copy(id)
  else hash('sha256', key, 'buffer').copy(id, 0, 0, idBytes)
  return id
}

function hexId(text: Buffer): Buffer | null {
  const id = Buffer.from(text.toString('latin1'), 'hex')
  return text.length === idBytes * 2 && id.length === idBytes ? id : null
}

function factOf(name: string, fact: RecordFact, record: SinkRecord, transaction: SinkTransaction): Property {
  switch (fact) {
    case 'topic':
      return { name, type: 'string', value: record.topic }
    case 'partition':
      return { name, type: 'i4', value: String(record.partition) }
    case 'offset':
    case 'timestamp':
      return { name, type: 'i8', value: String(record[fact]) }
    case 'key':
      return propertyOf(name, record.key ?? empty, undefined)
    case 'transaction':
      return { name, type: 'string', value: transaction.name }
    case 'commitTime':
      return { name, type: 'i8', value: String(transaction.commitTime) }
  }
}
