/*
 * Kafka record batch, message format 2 (magic 2). Integers are big-endian; see "Record Batch" in Kafka's documentation,
 * section "Message Format", and org.apache.kafka.common.record.DefaultRecordBatch.
 *
 *   offset  bytes  field
 *        0      8  base offset
 *        8      4  batch length, counted from byte 12
 *       12      4  partition leader epoch
 *       16      1  magic
 *       17      4  crc: CRC-32C of everything from byte 21
 *       21      2  attributes
 *       23      4  last offset delta
 *       27      8  base timestamp, ms
 *       35      8  max timestamp, ms
 *       43      8  producer id
 *       51      2  producer epoch
 *       53      4  base sequence
 *       57      4  number of records
 *       61         records, all of them compressed together when attributes name a codec
 *
 * A record; every integer but `attributes` is a zigzag varint:
 *   length (of what follows), attributes int8, timestamp delta, offset delta, key length (-1 null), key,
 *   value length (-1 null), value, number of headers, headers: key length, key, value length (-1 null), value
 */
export const BASE_OFFSET = 0
export const BATCH_LENGTH = 8
export const LEADER_EPOCH = 12
export const MAGIC = 16
export const CRC = 17
export const ATTRIBUTES = 21
export const LAST_OFFSET_DELTA = 23
export const BASE_TIMESTAMP = 27
export const MAX_TIMESTAMP = 35
export const PRODUCER_ID = 43
export const PRODUCER_EPOCH = 51
export const BASE_SEQUENCE = 53
export const RECORD_COUNT = 57
export const RECORDS = 61

/** Bytes before `batch length` starts to count. */
export const LENGTH_COUNTS_FROM = 12

export const COMPRESSION_MASK = 0x07
export const LOG_APPEND_TIME = 0x08
export const TRANSACTIONAL = 0x10
export const CONTROL = 0x20

/** Reads a signed 64-bit integer as a number: exact up to 2^53, the nearest double beyond. */
export function readInt64(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at) * 0x1_0000_0000 + bytes.readUInt32BE(at + 4)
}

/** Writes an integer of at most 2^53 as a signed 64-bit integer. */
export function writeInt64(bytes: Buffer, value: number, at: number): void {
  bytes.writeInt32BE(Math.floor(value / 0x1_0000_0000), at)
  bytes.writeUInt32BE(value >>> 0, at + 4)
}
