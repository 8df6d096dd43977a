import assert from 'node:assert/strict'
import { test } from 'node:test'
import { subjectHandle } from '@tidemark/schemas/subject-key.ts'
import type { FetchedPartition, FetchRequest, LogReader } from './log-reader.ts'
import { BatchBuilder } from './record-batch/batch-builder.ts'
import { SubjectKeyLog } from './subject-key-log.ts'

const topic = 'clinic.subject-keys'
const [ann, bob] = [subjectHandle('pii', 'ann'), subjectHandle('pii', 'bob')]
const wrapped = { name: 'pii', wrapped: { ad78466b5a100a2d: 'AA==' } }
const id = (number: number) => number.toString(16).padStart(16, '0')

/** A topic of two partitions to which batches of records can be appended; a fetch gives one batch. */
class Topic implements Pick<LogReader, 'bounds' | 'fetch'> {
  private readonly logs: { base: number; count: number; bytes: Buffer }[][] = [[], []]

  append(partition: number, ...records: [key: string, value: object | string | null][]): void {
    const batch = new BatchBuilder()
    for (const [key, value] of records) {
      const text = value === null ? null : Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))
      const at = Buffer.from(key)
      batch.append(0, at, 0, at.length, text, 0, text?.length ?? 0, 0, Buffer.alloc(0), 0, 0)
    }
    const sealed = batch.seal({ compression: 'none', producerId: -1n, producerEpoch: -1, baseSequence: -1 })
    const bytes = Buffer.from(sealed)
    bytes.writeBigInt64BE(BigInt(this.end(partition)), 0)
    this.logs[partition]!.push({ base: this.end(partition), count: records.length, bytes })
  }

  async bounds(_topic: string, partition: number): Promise<{ start: number; end: number }> {
    return { start: 0, end: this.end(partition) }
  }

  async fetch(requests: readonly FetchRequest[]): Promise<FetchedPartition[]> {
    return requests.map(({ partition, offset }) => {
      const batch = this.logs[partition]!.find(({ base, count }) => base + count > offset)
      const batches = batch?.bytes ?? Buffer.alloc(0)
      return { topic, partition, batches, highWatermark: this.end(partition), logStart: 0, outOfRange: false }
    })
  }

  private end(partition: number): number {
    const last = this.logs[partition]!.at(-1)
    return last === undefined ? 0 : last.base + last.count
  }
}

function logOf(reader: Topic, bytesMax = 1_000_000): SubjectKeyLog {
  return new SubjectKeyLog({ reader: reader as unknown as LogReader, topic, partitions: 2, bytesMax })
}

test('keys are those of all partitions, less those destroyed; other records are passed over', async () => {
  const reader = new Topic()
  reader.append(0, [`${ann}/${id(1)}`, wrapped], [`${bob}/${id(2)}`, wrapped])
  reader.append(1, [`${ann}/${id(3)}`, wrapped], ['something else', 'x'], [`${ann}/${id(4)}`, 'no key'])
  const log = logOf(reader)
  await log.catchUp()
  assert.deepEqual(log.idsOf(ann), [id(1), id(3)])
  assert.deepEqual([log.find(id(2))?.handle, log.find(id(9)), log.size], [bob, null, 3])
  reader.append(0, [`${ann}/${id(1)}`, null])
  reader.append(1, [`${ann}/${id(3)}`, null], [`${ann}/${id(5)}`, wrapped])
  await Promise.all([log.catchUp(), log.catchUp()])
  assert.deepEqual([log.idsOf(ann), log.size], [[id(5)], 2])
})

test('keys that take more memory than is given end the reading', async () => {
  const reader = new Topic()
  reader.append(0, ...Array.from({ length: 20 }, (_, at): [string, object] => [`${ann}/${id(at)}`, wrapped]))
  await assert.rejects(logOf(reader, 5_000).catchUp(), { code: 'SUBJECT_KEYS_TOO_LARGE' })
})
