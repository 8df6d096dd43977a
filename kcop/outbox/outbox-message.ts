import type { MessageContent, Operation } from '@tidemark/schemas/operation.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { NULL_LENGTH, Tuple } from '@tidemark/schemas/tuple.ts'
import { BARE, STRING, type JsonType } from '../formats/json-type.ts'
import type { BuiltInProcessor, SinkOutput } from '../processor.ts'
import type { OutboxMessageRule } from '../rules.ts'
import type { ShownMessage } from '../failure/dead-letter.ts'
import { eventFields } from './event-fields.ts'
import { EventWriter } from './event-writer.ts'
import { jsonMembers, type JsonMembers } from './json-members.ts'
import { MessageShield, type MessageFieldKind } from './message-shield.ts'
import { outboxFields } from './outbox-fields.ts'
import type { OutboxContext } from './protected-outbox.ts'

const jsonTypes: Readonly<Record<MessageFieldKind, JsonType>> = {
  text: { code: STRING, element: null, delimiter: 0 },
  json: { code: BARE, element: null, delimiter: 0 }
}

/**
 * The outbox without a table: `pg_logical_emit_message(true, prefix, content)` with a JSON object whose fields are named
 * like the columns of an outbox table. A payload that is an object or array is sent as JSON, a string as its text.
 */
export class OutboxMessageProcessor implements BuiltInProcessor {
  readonly name = 'outbox-message'
  private readonly rule: OutboxMessageRule
  private readonly events: EventWriter
  /** null: no field is protected. */
  private readonly shield: MessageShield | null

  /** Throws CONFIG_INVALID, KEY_INVALID. */
  constructor(rule: OutboxMessageRule, { sink, protections, notify }: OutboxContext) {
    this.rule = rule
    this.events = new EventWriter(rule, sink, `messages ${rule.prefix}`, notify)
    const { dropped, protected: guarded } = rule.columns
    this.shield = dropped.length + guarded.length === 0 ? null : new MessageShield(rule, sink, protections)
  }

  process(operation: Operation, out: SinkOutput): void {
    if (operation.message === null) return
    const members = membersOf(operation.message)
    if (members === null) throw this.unsuitable('is not a JSON object')
    const event = imageOf(members)
    const { shield } = this
    const { names, kinds, image, sink } =
      shield === null ? { ...event, sink: out.sink } : shield.of(operation, event.names, event.kinds, event.image)
    const payloadIsJson = kinds[names.indexOf(this.rule.payload)] === 'json'
    const types = kinds.map(kind => jsonTypes[kind])
    const fields = outboxFields(this.rule, { names, types, payloadIsJson }, name => {
      throw this.unsuitable(`has no field ${name}`)
    })
    this.events.write(image, fields, sink)
  }

  /**
   * What a dead letter may show of a message: where fields are protected, those the event is made of, in their protected
   * form. Throws ROW_UNSUITABLE when that cannot be told from the message.
   */
  shown(operation: Operation): ShownMessage {
    const { shield, rule } = this
    const { message } = operation
    if (shield === null) return { topic: null, content: Buffer.from(message!.bytes), headers: null }
    const members = membersOf(message!)
    if (members === null) throw this.unsuitable('is not a JSON object')
    const event = imageOf(members)
    const { names, kinds, image, sink } = shield.of(operation, event.names, event.kinds, event.image)
    const told = eventFields(rule, names).map(name => member(name, kinds, image, names.indexOf(name)))
    const topic = rule.topic.includes('${') ? null : rule.topic
    return { topic, content: Buffer.from(`{${told.join(',')}}`), headers: sink.protectionHeaders }
  }

  private unsuitable(what: string): TidemarkError {
    return new TidemarkError('ROW_UNSUITABLE', {
      message: `a logical message with prefix ${this.rule.prefix} ${what}`,
      cure: 'emit a JSON object with the fields of an outbox event, or take the prefix out of `outbox.message`'
    })
  }
}

function membersOf({ bytes }: MessageContent): JsonMembers | null {
  return jsonMembers(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8'))
}

function member(name: string, kinds: readonly MessageFieldKind[], image: Tuple, index: number): string {
  const start = image.starts[index]!
  const length = image.lengths[index]!
  const text = length === NULL_LENGTH ? null : image.bytes.toString('utf8', start, start + length)
  return `${JSON.stringify(name)}:${text === null || kinds[index] === 'text' ? JSON.stringify(text) : text}`
}

/** The members as a row: strings as text, null as null, everything else as JSON. */
function imageOf(members: JsonMembers): { names: string[]; kinds: MessageFieldKind[]; image: Tuple } {
  const names = [...members.keys()]
  const image = new Tuple(names.length)
  image.count = names.length
  const parts: Buffer[] = []
  let at = 0
  const kinds = [...members.values()].map((value, index): MessageFieldKind => {
    const isString = value.startsWith('"')
    const bytes = Buffer.from(isString ? (JSON.parse(value) as string) : value)
    image.starts[index] = at
    image.lengths[index] = value === 'null' ? NULL_LENGTH : bytes.length
    parts.push(bytes)
    at += bytes.length
    return isString ? 'text' : 'json'
  })
  image.bytes = Buffer.concat(parts)
  return { names, kinds, image }
}
