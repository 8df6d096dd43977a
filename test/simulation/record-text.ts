import { RecordReader } from '@tidemark/kafka/record-batch/record-reader.ts'
import { decodeCommitStreamRecord } from '@tidemark/schemas/commit-stream-codec.ts'
import type { CommitStreamRecord, Entry } from '@tidemark/schemas/commit-stream.ts'
import { positionText as unitText } from '../../capture/mq/position.ts'
import { headerNameBytes, RecordHeader } from '@tidemark/schemas/record-header.ts'

/** The records of a batch, for a trace. */
export function recordText(batch: Buffer): string {
  const reader = new RecordReader()
  reader.reset(batch)
  const texts: string[] = []
  while (reader.next()) texts.push(headText(reader))
  return texts.join(' ')
}

function headText(reader: RecordReader): string {
  if (reader.findHeader(headerNameBytes)) {
    const header = new RecordHeader()
    header.decode(reader.bytes, reader.foundStart, reader.foundEnd)
    const { epoch, sequence, record } = header
    return `${reader.value?.toString() ?? 'tombstone'}(e${epoch},s${sequence},r${record})`
  }
  try {
    return commitText(decodeCommitStreamRecord(reader.value!))
  } catch {
    return 'foreign'
  }
}

function commitText(record: CommitStreamRecord): string {
  if (record.type === 'genesis') return 'Genesis'
  if (record.type === 'claim') return `Claim{e${record.epoch} ${record.agent}}`
  return `Commits{e${record.epoch}: ${record.entries.map(entryText).join(', ')}}`
}

function entryText(entry: Entry): string {
  if (entry.type === 'transaction') return `s${entry.sequence}=${idOf(entry.sourceId)}`
  if (entry.type === 'state') return `state s${entry.sequence} @${positionText(entry.position)}`
  return entry.type
}

/** A transaction's id in the schedule: of queues, MsgId or GroupId in hexadecimal digits. */
export function idOf(sourceId: string): string {
  if (!/^[0-9a-f]{48}$/.test(sourceId)) return sourceId
  return Buffer.from(sourceId, 'hex').toString('latin1').replaceAll('\0', '')
}

export function positionText(position: Uint8Array): string {
  if (position.length !== 8) return position.length === 0 ? 'unit' : unitText(position)
  return String(Number(Buffer.from(position).readBigUInt64BE()) / 16)
}
