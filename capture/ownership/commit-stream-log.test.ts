import assert from 'node:assert/strict'
import test from 'node:test'
import type { FetchedPartition, LogReader } from '@tidemark/kafka/log-reader.ts'
import { BatchBuilder } from '@tidemark/kafka/record-batch/batch-builder.ts'
import { encodeCommitStreamRecord } from '@tidemark/schemas/commit-stream-codec.ts'
import { noExtensions } from '@tidemark/schemas/commit-stream.ts'
import { isTidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { CommitStreamLog } from './commit-stream-log.ts'

const answer = { topic: 'commits', partition: 0, logStart: 0, outOfRange: false }

/** A reader that gives the answers in turn; its leader holds offsets 0 to `end`. */
function readerOf(answers: FetchedPartition[], end: number): LogReader {
  return {
    bounds: () => Promise.resolve({ start: 0, end }),
    offsetAtTime: () => Promise.resolve(null),
    fetch: () => Promise.resolve([answers.shift()!]),
    close: () => Promise.resolve()
  }
}

function genesisBatch(): Buffer {
  const value = encodeCommitStreamRecord({
    type: 'genesis',
    stream: 7,
    subscription: 'bank',
    system: 'a',
    position: Buffer.alloc(8),
    known: { offset: 0, epoch: 0, claim: 0 },
    extensions: noExtensions
  })
  const batch = new BatchBuilder()
  batch.append(0, null, 0, 0, value, 0, value.length, 0, null, 0, 0)
  return batch.seal({ compression: 'none', producerId: -1n, producerEpoch: -1, baseSequence: -1 })
}

test('a leader just elected, which does not know its high watermark yet, is asked again', async () => {
  const stale = { ...answer, batches: Buffer.alloc(0), highWatermark: 0 }
  const whole = { ...answer, batches: genesisBatch(), highWatermark: 1 }
  const log = new CommitStreamLog('commits', readerOf([stale, stale, whole], 1))
  assert.equal((await log.at(0)).record.type, 'genesis')
})

test('a stream that has lost its end is named', async () => {
  const cut = { ...answer, batches: Buffer.alloc(0), highWatermark: 0, outOfRange: true }
  const log = new CommitStreamLog('commits', readerOf([cut], 0))
  await assert.rejects(log.at(0), error => isTidemarkError(error, 'STREAM_TRUNCATED'))
})
