import type { Table } from '@tidemark/schemas/table.ts'
import type { Notify } from '../notice.ts'
import type { BuiltInProcessor } from '../processor.ts'
import type { ColumnProtections } from '../protection/column-protections.ts'
import type { RecordSink } from '../record-sink.ts'
import { planColumns } from '../routing/column-plan.ts'
import { PlacingSink } from '../routing/placing-sink.ts'
import { Projection } from '../routing/projection.ts'
import { OutputsProcessor, TableOutput } from '../routing/table-output.ts'
import type { OutboxTableRule } from '../rules.ts'
import { outputShape, requireOpen } from './outbox-protection.ts'
import { OutboxTableProcessor } from './outbox-table.ts'

export interface OutboxContext {
  sink: RecordSink
  protections: ColumnProtections
  notify: Notify
}

/**
 * The processor of an outbox table, its columns protected before the event is made of them. Throws COLUMN_UNKNOWN,
 * KEY_INVALID, CONFIG_INVALID for a protection that would change where events go.
 */
export function outboxProcessor(table: Table, rule: OutboxTableRule, context: OutboxContext): BuiltInProcessor {
  const { sink, protections, notify } = context
  const key = table.columns.some(({ name }) => name === rule.key) ? [rule.key] : []
  const plan = planColumns(table, { ...outputShape(rule), key })
  if (plan.asIs) return new OutboxTableProcessor(table, rule, sink, notify)
  requireOpen(rule, rule.qualifiedName)
  const protection = protections.compile(table, plan, rule.topic)
  const output = new TableOutput({
    processor: new OutboxTableProcessor(plan.table, rule, sink, notify),
    keyFormat: null,
    enrichment: null,
    condition: null,
    projection: new Projection(plan, protection),
    placing: new PlacingSink({ sink, placement: null, headers: null, protection }),
    placeColumns: [],
    sameBytes: null
  })
  return new OutputsProcessor([output])
}
