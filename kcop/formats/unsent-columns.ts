import type { Table } from '@tidemark/schemas/table.ts'
import { NULL_LENGTH, UNCHANGED_LENGTH, type Tuple } from '@tidemark/schemas/tuple.ts'
import { fixedHeaders } from '../header-block.ts'
import type { HeaderBlock } from '../record-sink.ts'

/** Lists the columns of a row that did not change and were not sent (unchanged TOAST); they are not null. */
export const unchangedHeader = 'tidemark.unchanged'
/** Lists the columns of an image before that the server did not send (no REPLICA IDENTITY FULL); they are not null. */
export const unknownHeader = 'tidemark.unknown'

/** Go with the content of a row that is gone, so that it is not taken for a row that is there. */
export const removalHeaders: Readonly<Record<string, string>> = { 'tidemark.operation': 'delete' }

/** The headers that name columns missing from a value; made anew only when other columns are missing than last time. */
export class UnsentColumns {
  private readonly table: Table
  private readonly header: string
  private readonly absentLength: number
  private readonly last: Int32Array
  private lastCount = -1
  private block: HeaderBlock | null = null
  private readonly more: Readonly<Record<string, string>>

  /** `more`: fixed headers that go along. */
  constructor(table: Table, header: string, absentLength: number, more: Readonly<Record<string, string>> = {}) {
    this.table = table
    this.header = header
    this.absentLength = absentLength
    this.more = more
    this.last = new Int32Array(table.columns.length)
  }

  /** Headers that name the columns of `image` without a value. */
  of(image: Tuple): HeaderBlock {
    let count = 0
    let same = true
    for (let index = 0; index < image.count; index++) {
      if (image.lengths[index] !== this.absentLength) continue
      if (count >= this.lastCount || this.last[count] !== index) same = false
      this.last[count++] = index
    }
    if (same && count === this.lastCount && this.block !== null) return this.block
    this.lastCount = count
    this.block = this.encode(count)
    return this.block
  }

  private encode(count: number): HeaderBlock {
    const names = Array.from(this.last.subarray(0, count), index => this.table.columns[index]!.name)
    return fixedHeaders(count === 0 ? this.more : { ...this.more, [this.header]: JSON.stringify(names) })
  }
}

export function unchangedColumns(table: Table): UnsentColumns {
  return new UnsentColumns(table, unchangedHeader, UNCHANGED_LENGTH)
}

/** Of an image that holds key columns only; the server sends the others as null. */
export function unknownColumns(table: Table, more: Readonly<Record<string, string>>): UnsentColumns {
  return new UnsentColumns(table, unknownHeader, NULL_LENGTH, more)
}
