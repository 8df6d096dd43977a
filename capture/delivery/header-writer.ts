import { headerName, headerVersion } from '@tidemark/schemas/record-header.ts'

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
    const name = Buffer.from(headerName)
    this.bytes[0] = name.length << 1
    name.copy(this.bytes, 1)
    this.lengthAt = 1 + name.length
    const at = this.lengthAt + 1
    this.bytes[at] = headerVersion
    this.bytes.writeUInt32BE(stream, at + 1)
    this.ownershipEnd = this.varint(at + 5, epoch)
    this.transactionEnd = this.ownershipEnd
  }

  /** The records that follow are of this transaction. */
  transaction(sequence: number): void {
    this.transactionEnd = this.varint(this.ownershipEnd, sequence)
  }

  /** Begins the headers of a record; `end` is where they end. */
  record(record: number, operation: number): void {
    let at = this.transactionEnd
    const bytes = this.bytes
    if (record < 128) bytes[at++] = record
    else at = this.varint(at, record)
    if (operation < 128) bytes[at++] = operation
    else at = this.varint(at, operation)
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

  /** Unsigned LEB128; 0..2^53-1. */
  private varint(at: number, value: number): number {
    while (value > 0x7fffffff) {
      this.bytes[at++] = (value % 128) | 128
      value = Math.floor(value / 128)
    }
    while (value > 127) {
      this.bytes[at++] = (value & 127) | 128
      value >>>= 7
    }
    this.bytes[at++] = value
    return at
  }
}
