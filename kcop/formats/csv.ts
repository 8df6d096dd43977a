import type { Operation } from '@tidemark/schemas/operation.ts'
import type { Table } from '@tidemark/schemas/table.ts'
import { NULL_LENGTH, UNCHANGED_LENGTH, type Tuple } from '@tidemark/schemas/tuple.ts'
import type { Format, TableFormat, Telling } from '../format.ts'
import { fixedHeaders } from '../header-block.ts'
import type { HeaderBlock } from '../record-sink.ts'
import type { Scratch } from '../scratch.ts'
import { CsvImage } from './csv-image.ts'
import { insertEntry, isoMicroseconds, writeDecimal, type EntryType } from './journal.ts'
import { keyNotSent } from './json.ts'
import { removalHeaders, unchangedColumns, unknownColumns } from './unsent-columns.ts'

const COMMA = 0x2c

/** One line of RFC 4180 without line break and without a header row, columns in table order; docs/formats.md. */
export const csvFormat: Format = {
  name: 'csv',
  isTopicFree: true,
  compile: (table, key) => new CsvTableFormat(table, key, null)
}

/** The same with entry type, commit time, transaction id and ordinal of the operation behind the columns. */
export const csvJournalFormat: Format = {
  name: 'csv-journal',
  isTopicFree: true,
  compile: (table, key) => new CsvTableFormat(table, key, new CsvJournal())
}

class CsvTableFormat implements TableFormat {
  private readonly table: Table
  private readonly journal: CsvJournal | null
  private readonly image: CsvImage
  private readonly keyImage: CsvImage
  private readonly unchanged
  private readonly unknown
  private readonly removal = fixedHeaders(removalHeaders)

  constructor(table: Table, key: readonly number[], journal: CsvJournal | null) {
    this.table = table
    this.journal = journal
    this.image = new CsvImage(table, [...table.columns.keys()])
    this.keyImage = new CsvImage(table, key)
    this.unchanged = unchangedColumns(table)
    this.unknown = unknownColumns(table, removalHeaders)
  }

  key(image: Tuple, old: Tuple | null, into: Scratch): void {
    if (this.keyImage.writeKey(image, old, into) > 0) throw keyNotSent(this.table)
  }

  value(operation: Operation, telling: Telling, into: Scratch): HeaderBlock | null {
    const headers = telling === 'row' ? this.row(operation, into) : this.removed(operation, into)
    this.journal?.write(entryOf(operation, telling), operation, into)
    return headers
  }

  private row(operation: Operation, into: Scratch): HeaderBlock | null {
    const image = operation.newTuple!
    return this.image.write(image, into, UNCHANGED_LENGTH) === 0 ? null : this.unchanged.of(image)
  }

  private removed(operation: Operation, into: Scratch): HeaderBlock {
    const image = operation.oldTuple!
    if (!operation.beforeIsKeyOnly) {
      this.image.write(image, into, UNCHANGED_LENGTH)
      return this.removal
    }
    this.image.write(image, into, NULL_LENGTH)
    return this.unknown.of(image)
  }
}

function entryOf(operation: Operation, telling: Telling): EntryType {
  if (telling === 'removal') return 'DL'
  return operation.kind === 'insert' ? insertEntry(operation) : 'UP'
}

const entryBytes: Readonly<Record<EntryType, Buffer>> = {
  PT: Buffer.from(',PT'),
  RR: Buffer.from(',RR'),
  UB: Buffer.from(',UB'),
  UP: Buffer.from(',UP'),
  DL: Buffer.from(',DL')
}

/** Journal columns as further cells; none of them ever needs quotes. */
class CsvJournal {
  private sourceId = ''
  private commitTime = Number.NaN
  /** What is the same for all rows of a transaction. */
  private shared: Buffer = Buffer.alloc(0)

  write(entry: EntryType, operation: Operation, into: Scratch): void {
    const { sourceId, commitTime } = operation.transaction
    if (sourceId !== this.sourceId || commitTime !== this.commitTime) {
      this.sourceId = sourceId
      this.commitTime = commitTime
      this.shared = Buffer.from(`,${isoMicroseconds(commitTime)},${csvCell(sourceId)}`)
    }
    const type = entryBytes[entry]
    into.append(type, 0, type.length)
    into.append(this.shared, 0, this.shared.length)
    into.room(1)[into.length++] = COMMA
    writeDecimal(operation.ordinal, into)
  }
}

/** Ids of refresh transactions hold the name of a table. */
function csvCell(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
