/** The rows a lookup reads, by key; all values in text form. */
export interface LookupTable {
  /** Names of the columns that can be taken. */
  readonly columns: readonly string[]
  /** The value of a column in the row of this key; null for NULL; undefined: there is no such row. */
  find(key: string, column: number): string | null | undefined
}

/** By the lookup's name. */
export type LookupTables = ReadonlyMap<string, LookupTable>

/** What an entry of a map and its strings cost besides their characters (measured with Node 24, rounded up). */
const entryBytes = 120
const valueBytes = 40

/** Rows in memory, bounded. */
export class HeldRows implements LookupTable {
  readonly columns: readonly string[]
  /** About what is held. */
  bytes = 0
  private readonly rows = new Map<string, readonly (string | null)[]>()

  constructor(columns: readonly string[]) {
    this.columns = columns
  }

  find(key: string, column: number): string | null | undefined {
    return this.rows.get(key)?.[column]
  }

  has(key: string): boolean {
    return this.rows.has(key)
  }

  set(key: string, row: readonly (string | null)[]): void {
    this.delete(key)
    this.rows.set(key, row)
    this.bytes += bytesOf(key, row)
  }

  delete(key: string): void {
    const row = this.rows.get(key)
    if (row === undefined) return
    this.rows.delete(key)
    this.bytes -= bytesOf(key, row)
  }

  clear(): void {
    this.rows.clear()
    this.bytes = 0
  }
}

function bytesOf(key: string, row: readonly (string | null)[]): number {
  return row.reduce((sum, value) => sum + valueBytes + 2 * (value?.length ?? 0), entryBytes + 2 * key.length)
}
