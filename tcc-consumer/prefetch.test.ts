import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import test from 'node:test'
import type { FetchedPartition, FetchRequest, LogReader } from '@tidemark/kafka/log-reader.ts'
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
