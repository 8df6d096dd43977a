import type { MonitorRule, RulePlaces } from '@tidemark/kcop/rules.ts'
import type { MonitorFile } from './monitor-options.ts'

const measures = ['count', 'sum', 'min', 'max'] as const

export function tablesOf(rule: MonitorFile): string[] {
  return rule.table === undefined ? [] : [rule.table].flat()
}

export function measuresOf(rule: MonitorFile): MonitorRule['measure'][] {
  return measures.filter(measure => rule[measure] !== undefined && rule[measure] !== false)
}

/** A rule the schema and monitor-rules.ts have accepted. */
export function completeMonitor(rule: MonitorFile, place: string, places: RulePlaces): MonitorRule {
  const { name, topic, operations, where, above, below, equals, per } = rule
  const limit = (value: number | undefined) => (value === undefined ? null : String(value))
  return {
    name,
    topic,
    tables: tablesOf(rule),
    operations: [...operations!],
    measure: measuresOf(rule)[0]!,
    column: rule.sum ?? rule.min ?? rule.max ?? null,
    where: where ?? null,
    above: limit(above),
    below: limit(below),
    equals: limit(equals),
    per: per!,
    place,
    places
  }
}
