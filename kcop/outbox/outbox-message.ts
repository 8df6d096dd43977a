import type { MessageContent, Operation } from '@tidemark/schemas/operation.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { NULL_LENGTH, Tuple } from '@tidemark/schemas/tuple.ts'
import { BARE, STRING, type JsonType } from '../formats/json-type.ts'
import type { Notify } from '../notice.ts'
import type { BuiltInProcessor, SinkOutput } from '../processor.ts'
import type { RecordSink } from '../record-sink.ts'
import type { OutboxRule } from '../rules.ts'
import { EventWriter } from './event-writer.ts'
import { jsonMembers, type JsonMembers } from './json-members.ts'
import { outboxFields } from './outbox-fields.ts'

const text: JsonType = { code: STRING, element: null, delimiter: 0 }
const json: JsonType = { code: BARE, element: null, delimiter: 0 }

/**
 * The outbox without a table: `pg_logical_emit_message(true, prefix, content)` with a JSON object whose fields are named
 * like the columns of an outbox table. A payload that is an object or array is sent as JSON, a string as its text.
 */
export class OutboxMessageProcessor implements BuiltInProcessor {
  readonly name = 'outbox-message'
  private readonly rule: OutboxRule
  private readonly prefix: string
  private readonly events: EventWriter

  /** Throws CONFIG_INVALID. */
  constructor(prefix: string, rule: OutboxRule, sink: RecordSink, notify: Notify) {
    this.rule = rule
    this.prefix = prefix
    this.events = new EventWriter(rule, sink, `messages ${prefix}`, notify)
  }

  process(operation: Operation, out: SinkOutput): void {
    if (operation.message !== null) this.event(operation.message, out.sink)
  }

  private event(message: MessageContent, sink: RecordSink): void {
    const content = Buffer.from(message.bytes.buffer, message.bytes.byteOffset, message.bytes.length)
    const members = jsonMembers(content.toString('utf8'))
    if (members === null) throw this.unsuitable('is not a JSON object')
    const { names, types, image } = imageOf(members)
    const payloadIsJson = types[names.indexOf(this.rule.payload)] === json
    const fields = outboxFields(this.rule, { names, types, payloadIsJson }, name => {
      throw this.unsuitable(`has no field ${name}`)
    })
    this.events.write(image, fields, sink)
  }

  private unsuitable(what: string): TidemarkError {
    return new TidemarkError('ROW_UNSUITABLE', {
      message: `a logical message with prefix ${this.prefix} ${what}`,
      cure: 'emit a JSON object with the fields of an outbox event, or take the prefix out of `outbox.message`'
    })
  }
}

/** The members as a row: strings as text, null as null, everything else as JSON. */
function imageOf(members: JsonMembers): { names: string[]; types: JsonType[]; image: Tuple } {
  const names = [...members.keys()]
  const image = new Tuple(names.length)
  image.count = names.length
  const parts: Buffer[] = []
  let at = 0
  const types = [...members.values()].map((value, index) => {
    const isString = value.startsWith('"')
    const bytes = Buffer.from(isString ? (JSON.parse(value) as string) : value)
    image.starts[index] = at
    image.lengths[index] = value === 'null' ? NULL_LENGTH : bytes.length
    parts.push(bytes)
    at += bytes.length
    return isString ? text : json
  })
  image.bytes = Buffer.concat(parts)
  return { names, types, image }
}
