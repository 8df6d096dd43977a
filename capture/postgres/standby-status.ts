import type { Lsn } from '@tidemark/schemas/position.ts'
import { postgresEpochMicros } from './pgoutput.ts'

/**
 * Standby status update inside CopyData (manual, "Streaming Replication Protocol"): 'd', int32 length, 'r', int64
 * written, int64 flushed, int64 applied, int64 time, byte: answer at once. All three positions are the settled one:
 * the server may forget what lies at or before it, and nothing else is told.
 */
export function standbyStatus(settled: Lsn, unixMs: number, answerAsked: boolean): Buffer {
  const bytes = Buffer.allocUnsafe(39)
  bytes[0] = 0x64
  bytes.writeInt32BE(38, 1)
  bytes[5] = 0x72
  bytes.writeBigUInt64BE(settled, 6)
  bytes.writeBigUInt64BE(settled, 14)
  bytes.writeBigUInt64BE(settled, 22)
  bytes.writeBigInt64BE(BigInt(Math.round(unixMs * 1000)) - BigInt(postgresEpochMicros), 30)
  bytes[38] = answerAsked ? 1 : 0
  return bytes
}

/** CopyDone: we shall send no more; the server ends the stream. */
export const copyDone = Buffer.from([0x63, 0, 0, 0, 4])
