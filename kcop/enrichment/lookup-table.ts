import type { ColumnType } from '@tidemark/schemas/table.ts'

/** The rows a lookup reads, by key; all values in text form. */
export interface LookupTable {
  /** Names of the columns that can be taken. */
  readonly columns: readonly string[]
  /** Types of the columns; absent: all are text. */
  readonly types?: readonly ColumnType[]
  /** Absent: the rows are of a file, and do not change. */
  readonly captured?: CapturedSide
  /** The value of a column in the row of this key; null for NULL; undefined: there is no such row. Throws LOOKUP_UNTOLD. */
  find(key: string, column: number): string | null | undefined
}

/** What is to be known of a lookup in a captured table besides its rows. */
export interface CapturedSide {
  /** `schema.name` */
  readonly table: string
  readonly keyType: ColumnType
  /** Whether the table's own records hide the column. */
  hides(column: string): boolean
}

/** By the lookup's name. */
export type LookupTables = ReadonlyMap<string, LookupTable>

/** Values of the columns that can be taken. */
export type HeldRow = readonly (string | null)[]

/** What an entry of a map and its strings cost besides their characters (measured with Node 24, rounded up). */
const entryBytes = 120
const valueBytes = 40

/** Rows in memory, with about what they take. */
export class HeldRows implements LookupTable {
  readonly columns: readonly string[]
  /** About what is held. */
  bytes = 0
  private readonly rows = new Map<string, HeldRow>()

  constructor(columns: readonly string[]) {
    this.columns = columns
  }

  get size(): number {
    return this.rows.size
  }

  find(key: string, column: number): string | null | undefined {
    return this.rows.get(key)?.[column]
  }

  get(key: string): HeldRow | undefined {
    return this.rows.get(key)
  }

  has(key: string): boolean {
    return this.rows.has(key)
  }

  set(key: string, row: HeldRow): void {
    this.delete(key)
    this.rows.set(key, row)
    this.bytes += heldBytes(key, row)
  }

  /** Whether there was such a row. */
  delete(key: string): boolean {
    const row = this.rows.get(key)
    if (row === undefined) return false
    this.rows.delete(key)
    this.bytes -= heldBytes(key, row)
    return true
  }

  clear(): void {
    this.rows.clear()
    this.bytes = 0
  }
}

/** What a row takes in memory, about. */
export function heldBytes(key: string, row: HeldRow): number {
  return row.reduce((sum, value) => sum + valueBytes + 2 * (value?.length ?? 0), entryBytes + 2 * key.length)
}
