import type { Table } from '@tidemark/schemas/table.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { AvroAuditProcessor } from '../avro/avro-audit-processor.ts'
import type { Format, TableFormat } from '../format.ts'
import { AuditProcessor, AuditSingleProcessor } from '../formats/audit.ts'
import { jsonFormat } from '../formats/json.ts'
import type { BuiltInProcessor } from '../processor.ts'
import type { ColumnProtections } from '../protection/column-protections.ts'
import type { OutputProtection } from '../protection/column-protector.ts'
import type { RecordSink } from '../record-sink.ts'
import type { OutputRule } from '../rules.ts'
import type { Scratch } from '../scratch.ts'
import { keyColumnsOf } from '../table-key.ts'
import { TableProcessor } from '../table-processor.ts'
import { requireLasting } from './changing-columns.ts'
import { isRandom, planColumns, type ColumnPlan } from './column-plan.ts'
import { Placement } from './placement.ts'
import { PlacingSink } from './placing-sink.ts'
import { Projection } from './projection.ts'
import { RecordHeaders } from './record-headers.ts'
import { enrichmentOf } from '../enrichment/enrichment.ts'
import type { LookupTables } from '../enrichment/lookup-table.ts'
import { RowCondition } from './row-condition.ts'
import { atPart, placeOf } from './rule-place.ts'
import { rowFilter } from '../filter/row-filter.ts'
import { TableOutput } from './table-output.ts'
import { topicTemplate, type TopicTemplate } from './topic-template.ts'

export interface OutputContext {
  sink: RecordSink
  formats: ReadonlyMap<string, Format>
  protections: ColumnProtections
  lookups: LookupTables
  keyScratch: Scratch
  valueScratch: Scratch
  /** A format is not ready before this resolves. */
  onWait: (wait: Promise<void>) => void
}

/**
 * Compiles one output for one version of a table. Throws TABLE_WITHOUT_KEY, COLUMN_UNKNOWN, ROW_UNSUITABLE,
 * CONFIG_INVALID, FILTER_INVALID, KEY_INVALID, EXPRESSION_INVALID, LOOKUP_INVALID, with the place of what is at fault.
 */
export function compileOutput(table: Table, rule: OutputRule, context: OutputContext): TableOutput {
  return atPart(rule, '', () => compile(table, rule, context))
}

function compile(source: Table, rule: OutputRule, context: OutputContext): TableOutput {
  const enrichment = enrichmentOf(source, rule, context.lookups)
  const table = enrichment?.table ?? source
  const plan = planColumns(table, rule)
  const template = atPart(rule, 'topic', () => topicTemplate(rule.topic, table))
  const protection = protectionOf(table, plan, template, rule, context.protections)
  const key = atPart(rule, 'key', () => keyColumnsOf(plan.table, rule))
  const writer = formatNamed(rule, context)
  const format = formatOf(plan, key, template, rule, context)
  const wait = format.ready?.()
  if (wait) context.onWait(wait)
  const placement = placementOf(plan, template, rule, context.sink)
  if (enrichment !== null) {
    const places = (placement?.columns ?? []).map(index => plan.table.columns[index]!.name)
    requireLasting(enrichment.changing, rule, places)
  }
  const headers = headersOf(plan, rule)
  const placed = placement !== null || headers !== null || protection?.headers
  const { sink, keyScratch, valueScratch } = context
  const target = {
    table: plan.table,
    topic: template.fixed === null ? placedTopic : sink.topic(template.fixed),
    key,
    keyScratch,
    valueScratch
  }
  return new TableOutput({
    processor: processorFor(rule, { ...target, format, deletes: rule.deletes }),
    keyFormat: key.length === 0 ? null : format,
    enrichment,
    condition: conditionOf(table, rule),
    projection: plan.asIs ? null : new Projection(plan, protection),
    placing: placed ? new PlacingSink({ sink, placement, headers, protection }) : null,
    placeColumns: placeColumnsOf(plan.table, key, rule, placement),
    sameBytes: writer.isTopicFree === true && !placed && protection === null ? sameBytesOf(rule) : null
  })
}

/** All of a rule that its records' bytes depend on, but the topic and where the rule stands. */
function sameBytesOf({ format, key, deletes, columns, filter }: OutputRule): string {
  return JSON.stringify({ format, key, deletes, columns, filter }, (name, value: unknown) =>
    name === 'place' ? undefined : value
  )
}

/** Stands for the topic that a placement chooses for each record. */
const placedTopic = { name: '' }

function processorFor(rule: OutputRule, options: ConstructorParameters<typeof TableProcessor>[0]): BuiltInProcessor {
  if (rule.format === 'audit') return new AuditProcessor(options)
  if (rule.format === 'audit-single') return new AuditSingleProcessor(options)
  if (rule.format === 'audit-avro') return new AvroAuditProcessor({ ...options, isSingle: false })
  if (rule.format === 'audit-single-avro') return new AvroAuditProcessor({ ...options, isSingle: true })
  return new TableProcessor(options)
}

/** Throws FILTER_INVALID, COLUMN_UNKNOWN, ROW_UNSUITABLE. `table`: with the derived columns. */
export function conditionOf(table: Table, rule: OutputRule): RowCondition | null {
  const { filter } = rule
  return filter === null ? null : atPart(rule, 'filter', () => new RowCondition(rowFilter(filter, table), table))
}

/** Throws COLUMN_UNKNOWN. */
export function headersOf(plan: ColumnPlan, rule: OutputRule): RecordHeaders | null {
  return rule.headers.length === 0 ? null : new RecordHeaders(plan.table, rule)
}

/** Audit rows are JSON within. */
function formatNamed({ format }: OutputRule, { formats }: Pick<OutputContext, 'formats'>): Format {
  return formats.get(format) ?? jsonFormat
}

/** Throws what the format cannot carry of the table. */
export function formatOf(
  plan: ColumnPlan,
  key: readonly number[],
  template: TopicTemplate,
  rule: OutputRule,
  context: Pick<OutputContext, 'formats'>
): TableFormat {
  const format = formatNamed(rule, context)
  return atPart(rule, 'format', () => format.compile(plan.table, key, template.fixed ?? rule.topic))
}

/** Throws CONFIG_INVALID, KEY_INVALID. */
export function protectionOf(
  table: Table,
  plan: ColumnPlan,
  template: TopicTemplate,
  rule: OutputRule,
  protections: ColumnProtections
): OutputProtection | null {
  if (plan.columns.every(column => column.protection === null)) return null
  const { fixed } = template
  if (fixed !== null) return atPart(rule, 'columns', () => protections.compile(table, plan, fixed))
  throw new TidemarkError('CONFIG_INVALID', {
    message: `topic ${rule.topic} is chosen for each record, but its protected columns are bound to one topic`,
    cure: 'give the output a topic of one name, or leave the protected columns out of it',
    ...placeOf(rule, 'topic')
  })
}

/** Throws COLUMN_UNKNOWN, CONFIG_INVALID. */
export function placementOf(
  plan: ColumnPlan,
  template: TopicTemplate,
  rule: OutputRule,
  sink: RecordSink
): Placement | null {
  if (template.fixed !== null && rule.partition === 'key') return null
  const placement = new Placement({ table: plan.table, template, rule, sink })
  atPart(rule, 'partition', () => requireSteady(plan, placement))
  return placement
}

/** A form that is another each time would scatter the versions of a row, and make each update a move. */
function requireSteady(plan: ColumnPlan, placement: Placement): void {
  const random = placement.columns.find(index => isRandom(plan.columns[index]!.protection))
  if (random === undefined) return
  const { name } = plan.table.columns[random]!
  throw new TidemarkError('CONFIG_INVALID', {
    message: `column ${name} chooses the partition, but is encrypted to another form each time`,
    cure: `protect ${name} by tokenise, deterministic or hash, or let the key choose the partition`
  })
}

/** Audit rows tell what happened where it happened; all others say which rows are there, so rows move. */
export function placeColumnsOf(
  table: Table,
  key: readonly number[],
  rule: OutputRule,
  placement: Placement | null
): readonly number[] {
  if (rule.format.startsWith('audit') || rule.deletes === 'none') return []
  const places = placement?.columns ?? []
  requireOldValues(table, places)
  const inHeaders = rule.headers.some(({ from }) => 'column' in from)
  return inHeaders ? [...new Set([...places, ...key])] : places
}

function requireOldValues(table: Table, places: readonly number[]): void {
  if (table.replicaIdentity === 'full') return
  const unknown = places.filter(index => !table.columns[index]!.key && !table.keyColumns.includes(index))
  if (unknown.length === 0) return
  const names = unknown.map(index => table.columns[index]!.name).join(', ')
  throw new TidemarkError('ROW_UNSUITABLE', {
    message: `column ${names} of ${table.qualifiedName} decides the place of records, and its old value is not sent`,
    cure: `ALTER TABLE ${table.qualifiedName} REPLICA IDENTITY FULL;`
  })
}
