import type { TransactionContext } from '@tidemark/schemas/operation.ts'
import type { Table } from '@tidemark/schemas/table.ts'
import type { Faults } from '../faults.ts'
import type { AnnotatedSink } from '../record-sink.ts'
import type { MonitorRule } from '../rules.ts'
import { Monitor } from './monitor.ts'
import { Watch } from './watch.ts'

/**
 * The monitor rules of a subscription. What they send are records of the transaction itself: whatever crashes, a
 * transaction is named once, and its monitor records with it. Rows of a first copy are no events and are not looked at.
 */
export class Monitors {
  private readonly monitors: readonly Monitor[]
  private watching = true

  constructor(rules: readonly MonitorRule[], sink: AnnotatedSink) {
    this.monitors = rules.map(rule => new Monitor(rule, sink))
  }

  /** What looks at the operations of a table; null: nothing does. Throws COLUMN_UNKNOWN, FILTER_INVALID, CONFIG_INVALID. */
  watchesOf(table: Table): readonly Watch[] | null {
    const its = this.monitors.filter(monitor => looksAt(monitor, table))
    return its.length === 0 ? null : its.map(monitor => new Watch(table, monitor))
  }

  /** What keeps rules from looking at a table, one fault for each. */
  collectFaults(table: Table, faults: Faults): void {
    for (const monitor of this.monitors) if (looksAt(monitor, table)) faults.of(() => new Watch(table, monitor))
  }

  /** Whether operations of the open transaction are looked at. */
  get isWatching(): boolean {
    return this.watching
  }

  begin(context: TransactionContext): void {
    this.watching = context.kind !== 'refresh'
    for (const monitor of this.monitors) monitor.begin(context)
  }

  commit(): void {
    for (const monitor of this.monitors) monitor.commit()
  }
}

function looksAt({ rule }: Monitor, table: Table): boolean {
  return rule.tables.length === 0 || rule.tables.includes(table.qualifiedName)
}
