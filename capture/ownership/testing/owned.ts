import { CommitStreamLog, CommitStreamWriter } from '../commit-stream-log.ts'
import type { BatchProducer } from '../batch-producer.ts'
import { OwnWrites } from '../own-writes.ts'
import type { Ownership } from '../take-over.ts'

/** Epoch 5 of stream 7, taken over from epoch 4 at sequence 10; the commit stream is never read. */
export function owned(session: BatchProducer): Ownership {
  const unasked = (): Promise<never> => Promise.reject(new Error('not asked for'))
  const log = new CommitStreamLog('bank.commits', {
    bounds: unasked,
    offsetAtTime: unasked,
    fetch: unasked,
    close: () => Promise.resolve()
  })
  return {
    epoch: 5,
    state: {
      stream: 7,
      system: 'here',
      timeline: 1,
      agent: null,
      epoch: 4,
      claim: 0,
      sequence: 10,
      named: 4,
      position: Buffer.from([0]),
      refresh: 'none',
      claimed: new Map(),
      end: 1,
      timestamp: 0
    },
    session,
    writer: new CommitStreamWriter('bank.commits', 'bank', session, 0),
    own: new OwnWrites(log, 5, 1)
  }
}
