import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import test from 'node:test'
import type { FetchedPartition, FetchRequest, LogReader } from '@tidemark/kafka/log-reader.ts'
import { BatchBuilder } from '@tidemark/kafka/record-batch/batch-builder.ts'
import { FetchQueue } from './fetch-queue.ts'
import { Prefetch } from './prefetch.ts'

/** A log that is empty: the first fetch of each partition says so, the next waits until it is broken off. */
class EmptyLog implements LogReader {
  fetches = 0

  fetch(requests: readonly FetchRequest[], _waitMs: number, signal?: AbortSignal): Promise<FetchedPartition[]> {
    if (this.fetches++ === 0) return Promise.resolve(requests.map(emptyAnswer))
    return new Promise((_, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason as Error))
    })
  }

  bounds(): Promise<{ start: number; end: number }> {
    return Promise.resolve({ start: 0, end: 0 })
  }

  offsetAtTime(): Promise<null> {
    return Promise.resolve(null)
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

function emptyAnswer({ topic, partition }: FetchRequest): FetchedPartition {
  return { topic, partition, batches: Buffer.alloc(0), highWatermark: 0, logStart: 0, outOfRange: false }
}

async function idlePrefetch(): Promise<{ log: EmptyLog; prefetch: Prefetch; queue: FetchQueue }> {
  const log = new EmptyLog()
  const prefetch = new Prefetch(log, { bufferBytes: 1_000_000, waitMs: 500 }, new AbortController().signal)
  const queue = new FetchQueue('a', 0)
  prefetch.add(queue)
  await prefetch.answer([queue])
  await setImmediate()
  return { log, prefetch, queue }
}

test('a waiting fetch is broken off for a partition it does not ask for', async () => {
  const { log, prefetch, queue } = await idlePrefetch()
  const opened = new FetchQueue('b', 0)
  prefetch.add(opened)
  const answered = prefetch.answer([queue, opened])
  await answered
  assert.equal(log.fetches, 3)
  await prefetch.close()
})

test('a waiting fetch is not broken off for a partition no fetch would ask for', async () => {
  const { log, prefetch, queue } = await idlePrefetch()
  const outside = new FetchQueue('b', 0)
  outside.outOfRange = true
  prefetch.add(outside)
  void prefetch.answer([queue, outside, new FetchQueue('c', 0)])
  await setImmediate()
  assert.equal(log.fetches, 2)
  await prefetch.close()
})

/** A log without end, of batches of 900,000 bytes and more: answers as a broker does, with whole batches, at least one. */
class EndlessLog extends EmptyLog {
  readonly asked: number[] = []

  override fetch(requests: readonly FetchRequest[]): Promise<FetchedPartition[]> {
    for (const { bytesMax } of requests) this.asked.push(bytesMax)
    return Promise.resolve(requests.map(request => endlessAnswer(request)))
  }
}

function endlessAnswer({ topic, partition, offset, bytesMax }: FetchRequest): FetchedPartition {
  const batches = [batchAt(offset)]
  while ((batches.length + 1) * batches[0]!.length <= bytesMax) batches.push(batchAt(offset + batches.length))
  return { topic, partition, batches: Buffer.concat(batches), highWatermark: 1e9, logStart: 0, outOfRange: false }
}

function batchAt(offset: number): Buffer {
  const value = Buffer.alloc(900_000)
  const builder = new BatchBuilder()
  builder.append(0, null, 0, 0, value, 0, value.length, 0, null, 0, 0)
  const batch = builder.seal({ compression: 'none', producerId: -1n, producerEpoch: -1, baseSequence: -1 })
  batch.writeBigInt64BE(BigInt(offset))
  return batch
}

test('the first fetch is small, and each further one asks for no more than came before, up to the share', async () => {
  const log = new EndlessLog()
  const bufferBytes = 16_000_000
  const prefetch = new Prefetch(log, { bufferBytes, waitMs: 500 }, new AbortController().signal)
  const queue = new FetchQueue('a', 0)
  prefetch.add(queue)
  while (queue.heldBytes < bufferBytes / 2) await prefetch.answer([queue])
  await prefetch.close()
  const [first] = log.asked
  assert.ok(first! < bufferBytes / 10, `the first asked for ${first}`)
  const batchBytes = batchAt(0).length
  let came = 0
  for (const asked of log.asked) {
    assert.ok(asked <= Math.max(first!, came), `${asked} were asked for after ${came} had come`)
    came += Math.floor(asked / batchBytes) * batchBytes
  }
  assert.ok(queue.heldBytes <= bufferBytes)
})

test('a fetch asks for at least a batch as large as one that came: less might be answered with nothing', async () => {
  const log = new EndlessLog()
  const prefetch = new Prefetch(log, { bufferBytes: 2_600_000, waitMs: 500 }, new AbortController().signal)
  const queues = [new FetchQueue('a', 0), new FetchQueue('a', 1)]
  for (const queue of queues) prefetch.add(queue)
  await prefetch.answer(queues)
  await prefetch.close()
  assert.ok(log.asked.length > queues.length)
  for (const asked of log.asked) assert.ok(asked >= batchAt(0).length, `${asked} were asked for`)
})
