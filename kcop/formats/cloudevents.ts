import type { Operation, TransactionContext } from '@tidemark/schemas/operation.ts'
import type { Table } from '@tidemark/schemas/table.ts'
import type { Tuple } from '@tidemark/schemas/tuple.ts'
import type { Format, TableFormat, Telling } from '../format.ts'
import { HeaderWriter } from '../header-block.ts'
import type { HeaderBlock } from '../record-sink.ts'
import { Scratch } from '../scratch.ts'
import { isoMicroseconds, writeDecimal } from './journal.ts'
import { jsonFormat } from './json.ts'

/** What happened to the row, as the end of the event's type. */
type Happening = 'inserted' | 'updated' | 'deleted' | 'read'

const happenings: readonly Happening[] = ['inserted', 'updated', 'deleted', 'read']
const typePrefix = 'dev.tidemark.row.'

/**
 * CloudEvents 1.0 in the binary mode of its Kafka protocol binding (section 3.2): attributes are headers `ce_..`, the value
 * is the row as JSON. A tombstone is an event without data, which binary mode can tell and structured mode cannot.
 * `subscription`: names the source of the events, `/tidemark/<subscription>`.
 */
export function cloudEventsFormat(subscription: string): Format {
  return {
    name: 'cloudevents',
    compile: (table, key, topic) => {
      const json = jsonFormat.compile(table, key, topic)
      return new CloudEventsTableFormat(json, new EventAttributes(subscription, table))
    }
  }
}

class CloudEventsTableFormat implements TableFormat {
  private readonly json: TableFormat
  private readonly attributes: EventAttributes
  private readonly headers = new HeaderWriter()

  constructor(json: TableFormat, attributes: EventAttributes) {
    this.json = json
    this.attributes = attributes
  }

  key(image: Tuple, old: Tuple | null, into: Scratch): void {
    this.json.key(image, old, into)
  }

  value(operation: Operation, telling: Telling, into: Scratch): HeaderBlock {
    const more = this.json.value(operation, telling, into)
    this.headers.clear()
    this.attributes.write(operation, happeningOf(operation, telling), this.headers)
    if (more !== null) this.headers.addAll(more)
    return this.headers
  }

  tombstone(operation: Operation): HeaderBlock {
    this.headers.clear()
    this.attributes.write(operation, 'deleted', this.headers)
    return this.headers
  }
}

function happeningOf(operation: Operation, telling: Telling): Happening {
  if (telling === 'removal') return 'deleted'
  if (operation.kind === 'update') return 'updated'
  return operation.transaction.kind === 'refresh' ? 'read' : 'inserted'
}

const idName = Buffer.from('ce_id')
const COLON = 0x3a

/** Required and time attributes. What is the same for all events of a transaction is encoded once for it. */
class EventAttributes {
  private readonly subscription: string
  private readonly table: Table
  private transaction: TransactionContext | null = null
  private readonly shared = new Map<Happening, HeaderBlock>()
  private readonly idScratch = new Scratch()
  private idPrefix: Buffer = Buffer.alloc(0)

  constructor(subscription: string, table: Table) {
    this.subscription = subscription
    this.table = table
  }

  /**
   * The id is the same whenever the same event is sent again: position, transaction and ordinal of the operation, and what
   * happened, since a change of a key is two events of one operation.
   */
  write(operation: Operation, happening: Happening, into: HeaderWriter): void {
    if (operation.transaction !== this.transaction) this.enter(operation.transaction)
    const { idScratch, idPrefix } = this
    idScratch.length = 0
    idScratch.append(idPrefix, 0, idPrefix.length)
    writeDecimal(operation.ordinal, idScratch)
    if (happening === 'deleted') {
      const bytes = idScratch.room(2)
      bytes[idScratch.length++] = COLON
      bytes[idScratch.length++] = 0x64
    }
    into.add(idName, idScratch.bytes, 0, idScratch.length)
    into.addAll(this.shared.get(happening)!)
  }

  private enter(transaction: TransactionContext): void {
    this.transaction = transaction
    const position = Buffer.from(transaction.position).toString('hex')
    this.idPrefix = Buffer.from(`${position}:${transaction.sourceId}:`)
    const time = isoMicroseconds(transaction.commitTime)
    for (const happening of happenings) this.shared.set(happening, this.attributesOf(happening, time))
  }

  private attributesOf(happening: Happening, time: string): HeaderBlock {
    const writer = new HeaderWriter()
    const attributes = {
      ce_specversion: '1.0',
      ce_source: `/tidemark/${encodeURIComponent(this.subscription)}`,
      ce_type: `${typePrefix}${happening}`,
      ce_subject: this.table.qualifiedName,
      ce_time: time,
      'content-type': 'application/json'
    }
    for (const [name, value] of Object.entries(attributes)) writer.add(Buffer.from(name), Buffer.from(value))
    return writer
  }
}
