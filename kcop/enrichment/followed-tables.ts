import type { Operation } from '@tidemark/schemas/operation.ts'
import type { Table } from '@tidemark/schemas/table.ts'

/** What wants to see the operations on a table. */
export interface TableFollower {
  readonly rule: { readonly table: string }
  /** The table whatever its name was when an operation was written; null: it is known by its name alone. */
  readonly tableId: number | null
  see(operation: Operation, table: Table): void
}

/** Hands each operation to those who follow its table. */
export class FollowedTables {
  private readonly followers: readonly TableFollower[]
  /** By a version of a table. */
  private readonly known = new WeakMap<Table, readonly TableFollower[]>()
  /** Most operations are on the table of the one before. */
  private lastTable: Table | null = null
  private last: readonly TableFollower[] = []

  constructor(followers: readonly TableFollower[]) {
    this.followers = followers
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
      this.last = this.followersOf(table)
    }
    const { last } = this
    for (let index = 0; index < last.length; index++) last[index]!.see(operation, table)
  }

  private followersOf(table: Table): readonly TableFollower[] {
    const known = this.known.get(table)
    if (known !== undefined) return known
    const { id, qualifiedName } = table
    const found = this.followers.filter(({ rule, tableId }) =>
      tableId === null ? rule.table === qualifiedName : tableId === id
    )
    this.known.set(table, found)
    return found
  }
}
