import type { Table } from '@tidemark/schemas/table.ts'
import { derivedValue, widenedBy } from '../enrichment/enrichment.ts'
import type { Faults } from '../faults.ts'
import type { OutputRule } from '../rules.ts'
import { keyColumnsOf } from '../table-key.ts'
import { planColumns } from './column-plan.ts'
import {
  compileOutput,
  conditionOf,
  formatOf,
  headersOf,
  placementOf,
  protectionOf,
  type OutputContext
} from './output-compiler.ts'
import { atPart } from './rule-place.ts'
import { topicTemplate } from './topic-template.ts'

/**
 * All that is wrong with one output for one version of a table: its parts are tried one by one, each although others are
 * at fault, then the whole. A fault that follows from another may be among them.
 */
export function collectOutputFaults(source: Table, rule: OutputRule, context: OutputContext, faults: Faults): void {
  const table = tableWithDerived(source, rule, context, faults)
  faults.of(() => conditionOf(table, rule))
  const plan = faults.of(() => planColumns(table, rule))
  const template = faults.of(() => atPart(rule, 'topic', () => topicTemplate(rule.topic, table)))
  if (plan !== null && template !== null) {
    faults.of(() => protectionOf(table, plan, template, rule, context.protections))
    faults.of(() => placementOf(plan, template, rule, context.sink))
    const key = faults.of(() => atPart(rule, 'key', () => keyColumnsOf(plan.table, rule)))
    if (key !== null) faults.of(() => formatOf(plan, key, template, rule, context))
  }
  if (plan !== null) faults.of(() => headersOf(plan, rule))
  faults.of(() => compileOutput(source, rule, context))
}

/** Expressions behind one at fault may name its column, and are then told as well. */
function tableWithDerived(source: Table, rule: OutputRule, { lookups }: OutputContext, faults: Faults): Table {
  let table = source
  for (const column of rule.columns.derived ?? []) {
    const value = faults.of(() => derivedValue(column, table, lookups, rule))
    if (value !== null) table = widenedBy(table, column.name, value)
  }
  return table
}
