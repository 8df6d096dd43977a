import { formatLsn, lsnFromBytes } from '@tidemark/schemas/position.ts'
import type { Operation, TransactionContext } from '@tidemark/schemas/operation.ts'
import { isoMicroseconds } from '../formats/journal.ts'
import { BY_KEY, type AnnotatedSink, type Topic } from '../record-sink.ts'
import type { MonitorRule } from '../rules.ts'
import { add, amountOf, compare, formatAmount, type Amount } from './decimal.ts'

/** One rule over the open transaction: an amount and a count, however many rows there are. */
export class Monitor {
  readonly rule: MonitorRule
  private readonly sink: AnnotatedSink
  private readonly topic: Topic
  private readonly above: Amount | null
  private readonly below: Amount | null
  private readonly equals: Amount | null
  private amount: Amount | null = null
  private operations = 0
  private context: TransactionContext | null = null

  constructor(rule: MonitorRule, sink: AnnotatedSink) {
    this.rule = rule
    this.sink = sink
    this.topic = sink.topic(rule.topic)
    this.above = rule.above === null ? null : amountOf(rule.above)
    this.below = rule.below === null ? null : amountOf(rule.below)
    this.equals = rule.equals === null ? null : amountOf(rule.equals)
  }

  begin(context: TransactionContext): void {
    this.context = context
    this.amount = null
    this.operations = 0
  }

  add(amount: Amount, operation: Operation): void {
    if (this.rule.per === 'operation') {
      this.context = operation.transaction
      if (this.isOut(amount)) this.tell(amount, 1, operation)
      return
    }
    this.operations++
    this.amount = this.amount === null ? amount : this.joined(this.amount, amount)
  }

  /** The transaction is whole: tells when the rule holds for it, once. */
  commit(): void {
    if (this.amount !== null && this.isOut(this.amount)) this.tell(this.amount, this.operations, null)
    this.amount = null
  }

  private joined(so: Amount, far: Amount): Amount {
    switch (this.rule.measure) {
      case 'count':
      case 'sum':
        return add(so, far)
      case 'min':
        return compare(far, so) < 0 ? far : so
      case 'max':
        return compare(far, so) > 0 ? far : so
    }
  }

  private isOut(amount: Amount): boolean {
    const { above, below, equals } = this
    if (above !== null && compare(amount, above) <= 0) return false
    if (below !== null && compare(amount, below) >= 0) return false
    return equals === null || compare(amount, equals) === 0
  }

  private tell(amount: Amount, operations: number, operation: Operation | null): void {
    const key = Buffer.from(this.rule.name)
    const value = Buffer.from(JSON.stringify(this.record(amount, operations, operation)))
    const { sink, rule } = this
    sink.writesAs?.({ name: `monitor ${rule.name}`, place: rule.place })
    sink.append(this.topic, BY_KEY, key, 0, key.length, value, 0, value.length, null)
    sink.writesAs?.(null)
  }

  /** Numbers that may have more digits than a double are strings. */
  private record(amount: Amount, operations: number, operation: Operation | null): object {
    const { name, per, measure, column, tables, above, below, equals } = this.rule
    const { sourceId, commitTime, position } = this.context!
    const place = this.sink.place?.()
    return {
      rule: name,
      per,
      measure,
      ...(column === null ? {} : { column }),
      tables: operation === null ? tables : [operation.table!.qualifiedName],
      amount: formatAmount(amount),
      limits: Object.fromEntries(Object.entries({ above, below, equals }).filter(([, limit]) => limit !== null)),
      operations,
      ...(operation === null ? {} : { operation: operation.ordinal, kind: operation.kind }),
      transaction: sourceId,
      commitTime: isoMicroseconds(commitTime),
      position: position.length === 8 ? formatLsn(lsnFromBytes(position)) : Buffer.from(position).toString('hex'),
      ...(place === undefined ? {} : { ...place, stream: place.stream.toString(16).padStart(8, '0') })
    }
  }
}
