import type { Table } from '@tidemark/schemas/table.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { Notify } from '../notice.ts'
import type { BuiltInProcessor } from '../processor.ts'
import type { ColumnProtections } from '../protection/column-protections.ts'
import type { RecordSink } from '../record-sink.ts'
import { placeOf, planColumns } from '../routing/column-plan.ts'
import { PlacingSink } from '../routing/placing-sink.ts'
import { Projection } from '../routing/projection.ts'
import { OutputsProcessor, TableOutput } from '../routing/table-output.ts'
import { outboxDefaults, type OutboxTableRule } from '../rules.ts'
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
  const plan = planColumns(table, { ...shapeOf(rule), key })
  if (plan.asIs) return new OutboxTableProcessor(table, rule, sink, notify)
  requireOpen(rule)
  const protection = protections.compile(table, plan, rule.topic)
  const output = new TableOutput({
    processor: new OutboxTableProcessor(plan.table, rule, sink, notify),
    keyFormat: null,
    condition: null,
    projection: new Projection(plan, protection),
    placing: new PlacingSink({ sink, placement: null, headers: null, protection }),
    placeColumns: []
  })
  return new OutputsProcessor([output])
}

function shapeOf({ topic, columns, place }: OutboxTableRule) {
  const none = { format: 'json', deletes: 'none', headers: [], partition: 'key', filter: null } as const
  return { topic, columns, place, ...none }
}

/** The column that routes is in the topic's name; what is bound to a topic needs one known beforehand. */
function requireOpen(rule: OutboxTableRule): void {
  const { columns, routeBy, topic, routePattern, qualifiedName } = rule
  const invalid = (message: string, cure: string) =>
    new TidemarkError('CONFIG_INVALID', { message: `outbox ${qualifiedName}: ${message}`, cure, ...placeOf(rule) })
  const kinds = columns.protected.map(({ column, protection }) => ({ column, kind: protection.kind }))
  if (kinds.some(({ column }) => column === routeBy)) {
    throw invalid(`column ${routeBy} names the topic and cannot be protected`, 'route by another column')
  }
  const bound = kinds.find(({ kind }) => kind === 'encrypt' || kind === 'rsa')
  const oneTopic = !topic.includes('${') && routePattern === outboxDefaults.routePattern
  if (bound === undefined || oneTopic) return
  throw invalid(
    `\`${bound.kind}\` binds column ${bound.column} to a topic, but each event chooses its own`,
    'set `topic` to one name, or protect the column by deterministic, tokenise, mask or hash'
  )
}
