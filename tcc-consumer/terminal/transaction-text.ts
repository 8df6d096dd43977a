import { isUtf8 } from 'node:buffer'
import type { ConsumedTransaction } from '../consumed-transaction.ts'
import type { TransactionRecord } from '../transaction-record.ts'

/** A transaction in pieces of text, so that a large one is written while it is read. */
export interface TransactionText {
  begin(transaction: ConsumedTransaction): string
  record(record: TransactionRecord, first: boolean): string
  end(transaction: ConsumedTransaction): string
}

/** One JSON object a line. Keys, values and headers are text, or `{"base64": ...}` where they are not UTF-8. */
export const jsonLines: TransactionText = {
  begin: transaction => {
    const { sequence, epoch, sourceId, kind, bookmark, operations, parked } = transaction
    const committedAt = new Date(transaction.commitTime / 1000).toISOString()
    const annotations = Object.fromEntries([...transaction.annotations].map(([name, value]) => [name, content(value)]))
    const gapsBefore = transaction.gapsBefore
    const head = { sequence, epoch, sourceId, committedAt, commitTime: transaction.commitTime, kind, operations }
    return `${JSON.stringify({ ...head, bookmark, annotations, parked, gapsBefore }).slice(0, -1)},"records":[`
  },
  record: (record, first) => {
    const { topic, partition, offset, operation, timestamp, key, value, headers } = record
    const fields = { topic, partition, offset, operation, timestamp, key: content(key), value: content(value) }
    const named = headers.map(([name, header]) => [name, content(header)])
    return (first ? '' : ',') + JSON.stringify({ ...fields, headers: named })
  },
  end: () => ']}\n'
}

/** For people: a line for the transaction, one for each record. */
export const readable: TransactionText = {
  begin: transaction => {
    const { sequence, sourceId, kind, operations } = transaction
    const when = new Date(transaction.commitTime / 1000).toISOString()
    const gaps = transaction.gapsBefore.map(gap => `-- gap before: ${JSON.stringify(gap)}\n`).join('')
    const notes = [...transaction.annotations].map(([name, value]) => `   ${name}: ${shown(value)}\n`).join('')
    const what = kind === 'refresh' ? 'refresh ' : ''
    return `${gaps}#${sequence}  ${what}${sourceId}  ${when}  ${operations} operation${operations === 1 ? '' : 's'}\n${notes}`
  },
  record: record => {
    const value = record.value === null ? '(tombstone)' : shown(record.value)
    return `   ${record.topic}/${record.partition}@${record.offset}  ${shown(record.key)}  ${value}\n`
  },
  end: transaction => `   bookmark ${transaction.bookmark}\n`
}

function content(bytes: Uint8Array | null): string | { base64: string } | null {
  if (bytes === null) return null
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  return isUtf8(buffer) ? buffer.toString() : { base64: buffer.toString('base64') }
}

function shown(bytes: Uint8Array | null): string {
  const text = content(bytes)
  return text === null ? '(no key)' : typeof text === 'string' ? text : `base64:${text.base64}`
}
