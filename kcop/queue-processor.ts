import type { MessageContent, Operation } from '@tidemark/schemas/operation.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { isJson, jsonPathText, valueAt, type JsonPath } from './content/json-path.ts'
import { contentBuilder, withoutMark, type ContentBuilder } from './content/queue-content.ts'
import { HeaderWriter } from './header-block.ts'
import type { BuiltInProcessor, SinkOutput } from './processor.ts'
import type { QueueRule } from './queue-rules.ts'
import { BY_KEY, type RecordSink, type Topic } from './record-sink.ts'

/** Properties of this prefix are fields of the message descriptor. */
const descriptorPrefix = 'mq.'
/** Header that tells the types of properties that are no strings: `count=number urgent=boolean`. */
export const typesHeader = 'mq.PropertyTypes'
const ownHeader = 'tidemark'

type Property = string | number | boolean | Uint8Array

/** A message of a queue as one record: its content as the rule wants it, descriptor and properties as headers. */
export class QueueProcessor implements BuiltInProcessor {
  readonly name = 'queue'
  private readonly rule: QueueRule
  private readonly topic: Topic
  private readonly value: ContentBuilder
  private readonly headers = new HeaderWriter()
  /** Names are few and come again; a producer of ever new ones shall not fill the memory. */
  private readonly names = new Map<string, Buffer>()

  constructor(rule: QueueRule, sink: RecordSink) {
    this.rule = rule
    this.topic = sink.topic(rule.topic)
    this.value = contentBuilder(rule)
  }

  /** Throws ROW_UNSUITABLE when the content is not what the rule says, or has not what the key is to come from. */
  process(operation: Operation, out: SinkOutput): void {
    const { message } = operation
    if (message === null) return
    const content = this.value(bytesOf(message.bytes))
    const key = this.key(message, content)
    this.gather(message)
    const headers = this.headers.count === 0 ? null : this.headers
    out.sink.append(this.topic, BY_KEY, key, 0, key?.length ?? 0, content, 0, content.length, headers)
  }

  /** Whether records of the queue have the property or descriptor field among their headers. */
  shows(name: string): boolean {
    const wanted = this.rule.headers
    return wanted === 'all' || (wanted !== 'none' && name.startsWith(descriptorPrefix) === (wanted === 'descriptor'))
  }

  private key({ properties }: MessageContent, content: Buffer): Buffer | null {
    const { key } = this.rule
    if (typeof key === 'object') return this.jsonKey(key.json, content)
    if (key === 'none') return null
    const id = properties.get(idProperties[key]) ?? (key === 'groupId' ? properties.get('mq.MsgId') : undefined)
    return id === undefined ? null : Buffer.from(String(id))
  }

  private jsonKey(path: JsonPath, content: Buffer): Buffer | null {
    const value = valueAt(this.asJson(content, path), path)
    if (value === null) throw this.withoutKey(path)
    const text = value.toString('utf8')
    if (text === 'null') return null
    if (!text.startsWith('"')) return value
    const key = JSON.parse(text) as string
    // Half a surrogate pair has no UTF-8: two such keys would become one.
    if (!key.isWellFormed()) throw this.withoutKey(path)
    return Buffer.from(key)
  }

  /** What a builder has vouched for is not looked at again. */
  private asJson(content: Buffer, path: JsonPath): Buffer {
    if (this.rule.content === 'json' || this.rule.content === 'xml') return content
    const json = withoutMark(content)
    if (isJson(json)) return json
    throw this.withoutKey(path)
  }

  private gather({ properties }: MessageContent): void {
    const { headers } = this
    headers.clear()
    let types = ''
    for (const [name, value] of properties) {
      if (!this.shows(name)) continue
      const isField = name.startsWith(descriptorPrefix)
      if (!isField && typeof value !== 'string') types += `${types === '' ? '' : ' '}${name}=${typeOf(value)}`
      if (value instanceof Uint8Array) headers.add(this.nameOf(name), bytesOf(value))
      else headers.addText(this.nameOf(name), String(value))
    }
    if (types !== '') headers.addText(this.nameOf(typesHeader), types)
  }

  private nameOf(name: string): Buffer {
    let bytes = this.names.get(name)
    if (bytes !== undefined) return bytes
    // Nobody but the delivery may write a header of that name.
    bytes = Buffer.from(name === ownHeader ? `property.${name}` : name)
    if (this.names.size < 1_000) this.names.set(name, bytes)
    return bytes
  }

  private withoutKey(path: JsonPath): TidemarkError {
    return new TidemarkError('ROW_UNSUITABLE', {
      message: `a message of queue ${this.rule.queue} has no ${jsonPathText(path)}, which its record key is to come from`,
      cure: 'choose another `key` for the queue, or have the message set aside: BOTHRESH and BOQNAME of the queue'
    })
  }
}

const idProperties = { msgId: 'mq.MsgId', correlId: 'mq.CorrelId', groupId: 'mq.GroupId' } as const

function typeOf(value: Property): string {
  return value instanceof Uint8Array ? 'bytes' : typeof value
}

function bytesOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
}
