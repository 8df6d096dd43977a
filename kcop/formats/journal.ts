import type { Operation, TransactionContext } from '@tidemark/schemas/operation.ts'
import type { Scratch } from '../scratch.ts'

/**
 * Entry types as change journals have them: PT insert, RR row of a first copy, UB and UP row before and after an
 * update, DL delete.
 */
export type EntryType = 'PT' | 'RR' | 'UB' | 'UP' | 'DL'

/** Journal columns of an audit row. */
export const journalColumns = ['A_ENTTYP', 'A_TIMSTAMP', 'A_CCID', 'A_SEQNO'] as const

const entryBytes: Readonly<Record<EntryType, Buffer>> = {
  PT: Buffer.from('"A_ENTTYP":"PT"'),
  RR: Buffer.from('"A_ENTTYP":"RR"'),
  UB: Buffer.from('"A_ENTTYP":"UB"'),
  UP: Buffer.from('"A_ENTTYP":"UP"'),
  DL: Buffer.from('"A_ENTTYP":"DL"')
}
const decimalsMax = 16

/** Writes the journal columns of audit rows as JSON members: entry type, commit time, transaction id, operation. */
export class Journal {
  private sourceId = ''
  private commitTime = Number.NaN
  /** What is the same for all rows of a transaction. */
  private shared: Buffer = Buffer.alloc(0)

  write(entry: EntryType, operation: Operation, into: Scratch): void {
    const { transaction } = operation
    if (transaction.sourceId !== this.sourceId || transaction.commitTime !== this.commitTime) this.enter(transaction)
    const type = entryBytes[entry]
    into.append(type, 0, type.length)
    into.append(this.shared, 0, this.shared.length)
    writeDecimal(operation.ordinal, into)
  }

  private enter(transaction: TransactionContext): void {
    this.sourceId = transaction.sourceId
    this.commitTime = transaction.commitTime
    const time = JSON.stringify(isoMicroseconds(transaction.commitTime))
    this.shared = Buffer.from(`,"A_TIMSTAMP":${time},"A_CCID":${JSON.stringify(transaction.sourceId)},"A_SEQNO":`)
  }
}

/** The entry type of an insert. */
export function insertEntry(operation: Operation): EntryType {
  return operation.transaction.kind === 'refresh' ? 'RR' : 'PT'
}

/** Microseconds since the Unix epoch as `2024-02-29T12:00:00.000001Z`. */
export function isoMicroseconds(time: number): string {
  const milliseconds = Math.floor(time / 1000)
  const rest = String(time - milliseconds * 1000).padStart(3, '0')
  return new Date(milliseconds).toISOString().replace('Z', `${rest}Z`)
}

/** Appends a whole number from 0 to 2^53 - 1 in decimal digits. */
export function writeDecimal(value: number, into: Scratch): void {
  const bytes = into.room(decimalsMax)
  let digits = 1
  for (let rest = Math.floor(value / 10); rest > 0; rest = Math.floor(rest / 10)) digits++
  let rest = value
  for (let at = into.length + digits - 1; at >= into.length; at--) {
    bytes[at] = 0x30 + (rest % 10)
    rest = Math.floor(rest / 10)
  }
  into.length += digits
}

/** Appends a whole number of up to 53 bits in decimal digits. */
export function writeInteger(value: number, into: Scratch): void {
  if (value < 0) into.room(1)[into.length++] = 0x2d
  writeDecimal(Math.abs(value), into)
}
