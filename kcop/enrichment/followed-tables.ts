import type { Operation } from '@tidemark/schemas/operation.ts'
import type { Table } from '@tidemark/schemas/table.ts'

/** What wants to see the operations on a table. */
export interface TableFollower {
  readonly rule: { readonly table: string }
  see(operation: Operation, table: Table): void
}

/** Hands each operation to those who follow its table. */
export class FollowedTables {
  private readonly followers: ReadonlyMap<string, readonly TableFollower[]>
  /** Most operations are on the table of the one before. */
  private lastTable: Table | null = null
  private last: readonly TableFollower[] | undefined

  constructor(followers: readonly TableFollower[]) {
    this.followers = Map.groupBy(followers, ({ rule }) => rule.table)
  }

  see(operation: Operation): void {
    if (operation.kind === 'truncate') {
      for (const table of operation.truncated) this.hand(operation, table)
    } else if (operation.table !== null) {
      this.hand(operation, operation.table)
    }
  }

  private hand(operation: Operation, table: Table): void {
    if (table !== this.lastTable) {
      this.lastTable = table
      this.last = this.followers.get(table.qualifiedName)
    }
    const { last } = this
    if (last === undefined) return
    for (let index = 0; index < last.length; index++) last[index]!.see(operation, table)
  }
}
