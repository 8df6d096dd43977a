import { BY_KEY, type Topic, type TransactionPlace } from '@tidemark/kcop/record-sink.ts'
import type { Operation, TransactionContext } from '@tidemark/schemas/operation.ts'
import type { OperationProcessor, TransactionSink } from '../../capture/tenure.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { idOf } from './record-text.ts'
import type { SourceRecord } from './source-database.ts'
import type { SimulatedOperation } from './source-port.ts'

/** Sends the records that operations of the simulation bring along. */
export class RecordProcessor implements OperationProcessor {
  private readonly sink: TransactionSink
  private readonly annotated: ReadonlySet<string>
  private readonly topics = new Map<string, Topic>()
  private readonly onRecord: (place: TransactionPlace) => void

  /** `onRecord` is told the place of the transaction after each record, as a monitor record would hold it. */
  constructor(sink: TransactionSink, annotated: ReadonlySet<string>, onRecord: (place: TransactionPlace) => void) {
    this.sink = sink
    this.onRecord = onRecord
    this.annotated = annotated
  }

  schema(): void {}

  begin(): void {}

  refreshStart(): void {}

  refreshEnd(): void {}

  process(operation: Operation): void {
    for (const { topic, key, value } of recordsOf(operation)) {
      const keyBytes = Buffer.from(key)
      const valueBytes = Buffer.from(value)
      this.sink.append(this.topic(topic), BY_KEY, keyBytes, 0, keyBytes.length, valueBytes, 0, valueBytes.length, null)
      this.onRecord(this.sink.place())
    }
  }

  commit(transaction: TransactionContext): void {
    const id = idOf(transaction.sourceId)
    if (this.annotated.has(id)) this.sink.annotate('note', Buffer.from(id))
  }

  private topic(name: string): Topic {
    let topic = this.topics.get(name)
    if (topic === undefined) {
      topic = this.sink.topic(name)
      this.topics.set(name, topic)
    }
    return topic
  }
}

/** A message brings them as its content. */
function recordsOf(operation: Operation): readonly SourceRecord[] {
  const { message } = operation
  if (message === null) return (operation as SimulatedOperation).records
  const { records, poison } = JSON.parse(Buffer.from(message.bytes).toString()) as {
    records: SourceRecord[]
    poison: boolean
  }
  if (poison) throw new TidemarkError('RECORD_INVALID', { message: 'a message that no processor can carry' })
  return records
}
