import { writeLeb128 } from '@tidemark/schemas/leb128.ts'
import { headerNameBytes, headerVersion } from '@tidemark/schemas/record-header.ts'

/**
 * The header block of one record, as bytes of a Kafka record: the tidemark header first, others after it.
 * What does not change within an ownership and within a transaction is written once.
 */
export class HeaderWriter {
  bytes = Buffer.alloc(512)
  end = 0
  private readonly lengthAt: number
  private readonly ownershipEnd: number
  private transactionEnd: number

  constructor(stream: number, epoch: number) {
    this.bytes[0] = headerNameBytes.length << 1
    headerNameBytes.copy(this.bytes, 1)
    this.lengthAt = 1 + headerNameBytes.length
    const at = this.lengthAt + 1
    this.bytes[at] = headerVersion
    this.bytes.writeUInt32BE(stream, at + 1)
    this.ownershipEnd = writeLeb128(this.bytes, at + 5, epoch)
    this.transactionEnd = this.ownershipEnd
  }

  /** The records that follow are of this transaction. */
  transaction(sequence: number): void {
    this.transactionEnd = writeLeb128(this.bytes, this.ownershipEnd, sequence)
  }

  /** Begins the headers of a record; `end` is where they end. */
  record(record: number, operation: number): void {
    let at = this.transactionEnd
    const bytes = this.bytes
    if (record < 128) bytes[at++] = record
    else at = writeLeb128(bytes, at, record)
    if (operation < 128) bytes[at++] = operation
    else at = writeLeb128(bytes, at, operation)
    // The value is at most 1 + 4 + 4 * 8 bytes: its length is one zigzag byte.
    bytes[this.lengthAt] = (at - this.lengthAt - 1) << 1
    this.end = at
  }

  /** Adds further headers, encoded already. */
  add(headers: Buffer, start: number, end: number): void {
    const needed = this.end + end - start
    if (needed > this.bytes.length) this.grow(needed)
    headers.copy(this.bytes, this.end, start, end)
    this.end = needed
  }

  private grow(needed: number): void {
    const larger = Buffer.alloc(Math.max(needed, this.bytes.length * 2))
    this.bytes.copy(larger, 0, 0, this.end)
    this.bytes = larger
  }
}
