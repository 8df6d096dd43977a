import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { NULL_LENGTH, type Tuple } from '@tidemark/schemas/tuple.ts'
import { writeJsonColumn } from '../formats/json-column.ts'
import { writeJsonString } from '../formats/json-text.ts'
import { BARE, BYTEA } from '../formats/json-type.ts'
import { HeaderWriter } from '../header-block.ts'
import { RepeatedNotice, type Notify } from '../notice.ts'
import { BY_KEY, type RecordSink } from '../record-sink.ts'
import type { OutboxRule } from '../rules.ts'
import { Scratch } from '../scratch.ts'
import { parseJavaProperties } from './java-properties.ts'
import type { OutboxFields, PlacedField } from './outbox-fields.ts'
import { writePayload, writePlainText } from './plain-text.ts'
import { TopicRouter } from './topic-router.ts'

const payloadName = Buffer.from('"payload":')
const nullBytes = Buffer.from('null')
const idHeader = Buffer.from('id')
const timestampHeader = Buffer.from('timestamp')
const schemaVersionHeader = Buffer.from('schemaVersion')
const COMMA = 0x2c
const BRACE_OPEN = 0x7b
const BRACE_CLOSE = 0x7d
const BRACKET_OPEN = 0x5b
const SPACE = 0x20

/**
 * Turns one outbox event into one record, as Debezium's event router with its defaults and raw converters does: topic by
 * the routing column, key and value as plain text or bytes, the event's id as header `id`. Further columns go where
 * `additional` says; one placed in the envelope makes the value `{"payload": .., "name": ..}`.
 */
export class EventWriter {
  private readonly rule: OutboxRule
  private readonly place: string
  private readonly router: TopicRouter
  private readonly headers = new HeaderWriter()
  private readonly text = new Scratch()
  private readonly key = new Scratch()
  private readonly value = new Scratch()
  private readonly enveloped: boolean
  private readonly notJson: RepeatedNotice

  /** `place`: table or message prefix, for errors. */
  constructor(rule: OutboxRule, sink: RecordSink, place: string, notify: Notify) {
    this.rule = rule
    this.place = place
    this.router = new TopicRouter(rule, sink, place)
    this.enveloped = rule.additional.some(field => field.as === 'envelope')
    this.notJson = new RepeatedNotice(
      notify,
      'warn',
      `the payload of an outbox event of ${place} is not JSON: it is sent as a string although expandJson is set`
    )
  }

  /** Throws ROW_UNSUITABLE when the event makes no record. */
  write(image: Tuple, fields: OutboxFields, sink: RecordSink): void {
    if (image.lengths[fields.routeBy] === NULL_LENGTH) throw this.unsuitable(fields, fields.routeBy, 'is null')
    const routeStart = image.starts[fields.routeBy]!
    const topic = this.router.topic(image.bytes, routeStart, routeStart + image.lengths[fields.routeBy]!)
    const keyed = this.plain(image, fields, fields.key, this.key)
    this.writeHeaders(image, fields)
    const hasValue = this.writeValue(image, fields)
    sink.append(
      topic,
      this.partition(image, fields),
      keyed ? this.key.bytes : null,
      0,
      this.key.length,
      hasValue ? this.value.bytes : null,
      0,
      this.value.length,
      this.headers
    )
  }

  private writeHeaders(image: Tuple, fields: OutboxFields): void {
    this.headers.clear()
    this.header(idHeader, image, fields, fields.id)
    for (const field of fields.additional) {
      if (field.as === 'header') this.header(field.headerName, image, fields, field.index)
    }
    if (fields.timestamp >= 0) this.header(timestampHeader, image, fields, fields.timestamp)
    if (fields.schemaVersion >= 0) this.header(schemaVersionHeader, image, fields, fields.schemaVersion)
    if (fields.tracing >= 0) this.tracingHeaders(image, fields)
  }

  private header(name: Buffer, image: Tuple, fields: OutboxFields, index: number): void {
    const present = this.plain(image, fields, index, this.text)
    this.headers.add(name, present ? this.text.bytes : null, 0, this.text.length)
  }

  private tracingHeaders(image: Tuple, fields: OutboxFields): void {
    if (!this.plain(image, fields, fields.tracing, this.text)) return
    const properties = this.text.bytes.toString('utf8', 0, this.text.length)
    for (const [name, value] of parseJavaProperties(properties)) this.headers.add(Buffer.from(name), Buffer.from(value))
  }

  /** Returns false for a tombstone. */
  private writeValue(image: Tuple, fields: OutboxFields): boolean {
    this.value.length = 0
    if (this.rule.tombstoneOnEmptyPayload && isBlank(image, fields.payload)) return false
    if (this.enveloped) this.writeEnvelope(image, fields)
    else this.writeBarePayload(image, fields)
    return true
  }

  /** A null payload that makes no tombstone is JSON's null where the payload is JSON, else no bytes. */
  private writeBarePayload(image: Tuple, fields: OutboxFields): void {
    const index = fields.payload
    const type = fields.types[index]!
    const length = image.lengths[index]!
    if (length === NULL_LENGTH) {
      if (type.code === BARE) this.value.append(nullBytes, 0, nullBytes.length)
      return
    }
    const start = image.starts[index]!
    this.check(fields, index, writePayload(type, image.bytes, start, start + length, this.value))
  }

  private writeEnvelope(image: Tuple, fields: OutboxFields): void {
    const { value } = this
    value.room(1)[value.length++] = BRACE_OPEN
    value.append(payloadName, 0, payloadName.length)
    this.writeEnvelopePayload(image, fields)
    for (const field of fields.additional) if (field.as === 'envelope') this.member(image, fields, field)
    value.room(1)[value.length++] = BRACE_CLOSE
  }

  private member(image: Tuple, fields: OutboxFields, field: PlacedField): void {
    const { value } = this
    value.room(1)[value.length++] = COMMA
    value.append(field.memberName, 0, field.memberName.length)
    this.json(image, fields, field.index)
  }

  private writeEnvelopePayload(image: Tuple, fields: OutboxFields): void {
    const index = fields.payload
    const length = image.lengths[index]!
    const start = image.starts[index]!
    if (length === NULL_LENGTH || fields.types[index]!.code === BYTEA) this.json(image, fields, index)
    else if (
      fields.payloadIsJson ||
      (this.rule.expandJson && this.isJsonDocument(image.bytes, start, start + length))
    ) {
      this.value.append(image.bytes, start, start + length)
    } else writeJsonString(image.bytes, start, start + length, this.value)
  }

  /** Debezium expands objects and arrays only. */
  private isJsonDocument(bytes: Buffer, start: number, end: number): boolean {
    try {
      if (bytes[start] === BRACE_OPEN || bytes[start] === BRACKET_OPEN) {
        JSON.parse(bytes.toString('utf8', start, end))
        return true
      }
    } catch {
      // Told below; the parser's message would quote the payload.
    }
    this.notJson.happened()
    return false
  }

  private json(image: Tuple, fields: OutboxFields, index: number): void {
    const length = image.lengths[index]!
    if (length === NULL_LENGTH) {
      this.value.append(nullBytes, 0, nullBytes.length)
      return
    }
    const start = image.starts[index]!
    this.check(fields, index, writeJsonColumn(fields.types[index]!, image.bytes, start, start + length, this.value))
  }

  private partition(image: Tuple, fields: OutboxFields): number {
    let partition = BY_KEY
    for (const field of fields.additional) {
      if (field.as !== 'partition' || !this.plain(image, fields, field.index, this.text)) continue
      const text = this.text.bytes.toString('latin1', 0, this.text.length)
      if (!/^\d{1,9}$/.test(text)) throw this.unsuitable(fields, field.index, 'is not a partition number')
      partition = Number(text)
    }
    return partition
  }

  /** Fills `into` with the plain text of a field; returns false when it is null. */
  private plain(image: Tuple, fields: OutboxFields, index: number, into: Scratch): boolean {
    into.length = 0
    const length = image.lengths[index]!
    if (length === NULL_LENGTH) return false
    const start = image.starts[index]!
    this.check(fields, index, writePlainText(fields.types[index]!, image.bytes, start, start + length, into))
    return true
  }

  private check(fields: OutboxFields, index: number, wrong: string | null): void {
    if (wrong !== null) throw this.unsuitable(fields, index, wrong)
  }

  private unsuitable(fields: OutboxFields, index: number, what: string): TidemarkError {
    return new TidemarkError('ROW_UNSUITABLE', {
      message: `${fields.names[index]} of an outbox event of ${this.place} ${what}`
    })
  }
}

function isBlank(image: Tuple, index: number): boolean {
  const start = image.starts[index]!
  for (let at = start; at < start + image.lengths[index]!; at++) if (image.bytes[at]! > SPACE) return false
  return true
}
