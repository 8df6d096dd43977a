import type { Table } from '@tidemark/schemas/table.ts'
import type { ShownTable } from '../failure/dead-letter.ts'
import type { Notify } from '../notice.ts'
import type { BuiltInProcessor } from '../processor.ts'
import type { ColumnProtections } from '../protection/column-protections.ts'
import type { RecordSink } from '../record-sink.ts'
import { planColumns, type ColumnPlan } from '../routing/column-plan.ts'
import { PlacingSink } from '../routing/placing-sink.ts'
import { Projection } from '../routing/projection.ts'
import { OutputsProcessor, TableOutput } from '../routing/table-output.ts'
import type { OutboxTableRule } from '../rules.ts'
import { eventFields } from './event-fields.ts'
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
  const { sink, notify } = context
  const key = table.columns.some(({ name }) => name === rule.key) ? [rule.key] : []
  const plan = planColumns(table, { ...outputShape(rule), key })
  if (plan.asIs) return new OutboxTableProcessor(table, rule, sink, notify)
  requireOpen(rule, rule.qualifiedName)
  return new OutputsProcessor([
    outputOf(table, plan, rule, new OutboxTableProcessor(plan.table, rule, sink, notify), context)
  ])
}

/**
 * What a dead letter may show of a row: where columns are protected, those the event is made of, in their protected form.
 * Throws what `outboxProcessor` does.
 */
export function shownOutbox(table: Table, rule: OutboxTableRule, context: OutboxContext): ShownTable {
  const { dropped, protected: guarded } = rule.columns
  if (dropped.length + guarded.length === 0) return { output: null, topic: null }
  const only = eventFields(
    rule,
    table.columns.map(({ name }) => name)
  )
  const shown = guarded.filter(({ column }) => only.includes(column))
  const columns = { only: only.filter(name => !dropped.includes(name)), dropped: [], protected: shown }
  const plan = planColumns(table, { ...outputShape(rule), columns, key: [] })
  const unused = { name: 'letter', process: () => {} }
  return { output: outputOf(table, plan, rule, unused, context), topic: rule.topic.includes('${') ? null : rule.topic }
}

function outputOf(
  table: Table,
  plan: ColumnPlan,
  rule: OutboxTableRule,
  processor: BuiltInProcessor,
  { sink, protections }: OutboxContext
): TableOutput {
  const protection = protections.compile(table, plan, rule.topic)
  return new TableOutput({
    processor,
    keyFormat: null,
    enrichment: null,
    condition: null,
    projection: new Projection(plan, protection),
    placing: new PlacingSink({ sink, placement: null, headers: null, protection }),
    placeColumns: [],
    sameBytes: null
  })
}
