import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { noExtensions, type CommitStreamRecord, type Known } from '@tidemark/schemas/commit-stream.ts'
import { encodeCommitStreamRecord } from '@tidemark/schemas/commit-stream-codec.ts'
import { MemoryLog } from '../../test/support/memory-log.ts'
import { CommitStreamLog } from './commit-stream-log.ts'
import { OwnWrites } from './own-writes.ts'
import { renewalMs, trim } from './trimming.ts'

const topic = 'bank.commits'
const position = Buffer.alloc(8)
const day = 86_400_000

/** A stream whose records are written at times given in days; `known` follows by itself. */
class Stream {
  readonly memory = new MemoryLog()
  readonly log = new CommitStreamLog(
    topic,
    this.memory.reader(() => Promise.resolve())
  )
  readonly deleted: number[] = []
  private known: Known = { offset: 0, epoch: 0, claim: 0 }

  constructor() {
    this.memory.createTopic(topic)
    this.append(0, { type: 'genesis', stream: 7, subscription: 'bank', system: 'here', position, ...this.rest() })
  }

  get end(): number {
    return this.memory.partition(topic).end
  }

  /** Returns its offset. A claim whose epoch is not higher is void. */
  claim(days: number, epoch: number): number {
    const nonce = Buffer.alloc(16)
    const claim = { epoch, nonce, agent: 'a', system: 'here', timeline: 1, sequence: 0, position }
    const offset = this.append(days, { type: 'claim', stream: 7, ...claim, ...this.rest() })
    if (epoch > this.known.epoch) this.known = { offset: offset + 1, epoch, claim: offset }
    return offset
  }

  /** Dated `days`, as a commit record of an old backlog may be. */
  commits(days: number): number {
    return this.append(days, { type: 'commits', epoch: this.known.epoch, parts: [], entries: [], ...this.rest() })
  }

  /** As the owner of the last claim trims. */
  async trim(days: number, retentionDays: number): Promise<number | null> {
    const own = new OwnWrites(this.log, this.known.epoch, this.end - 1)
    const deleteBefore = (offset: number): Promise<void> => {
      this.deleted.push(offset)
      this.memory.partition(topic).deleteBelow(offset)
      return Promise.resolve()
    }
    return trim(
      this.log,
      own,
      { retentionMs: Math.round(retentionDays * day), renewMs: day, deleteBefore },
      Math.floor(days * day)
    )
  }

  private rest(): { known: Known; extensions: typeof noExtensions } {
    return { known: this.known, extensions: noExtensions }
  }

  private append(days: number, record: CommitStreamRecord): number {
    return this.memory
      .partition(topic)
      .append([{ timestamp: Math.floor(days * day), value: encodeCommitStreamRecord(record) }])
  }
}

test('a stream is trimmed to the last claim that is older than the retention', async () => {
  const stream = new Stream()
  for (let days = 0; days < 6; days++) {
    stream.claim(days, days + 1)
    stream.commits(days)
  }
  const third = 1 + 2 * 2
  assert.equal(await stream.trim(5, 3), third)
  assert.equal(await stream.trim(5, 3), null)
  assert.equal(await stream.trim(6.5, 3), third + 2)
  assert.deepEqual(stream.deleted, [third, third + 2])
})

test('a stream whose owner never changed is left alone: it would begin without a claim', async () => {
  const stream = new Stream()
  stream.claim(0, 1)
  for (let days = 0; days < 9; days++) stream.commits(days)
  assert.equal(await stream.trim(9, 100), null)
  assert.equal(await stream.trim(9, 3), 1)
  assert.equal(await stream.trim(9, 1), null)
})

test('all of it older than the retention, a stream begins with the claim that counts', async () => {
  const stream = new Stream()
  stream.claim(0, 1)
  const last = stream.claim(1, 2)
  stream.commits(1)
  assert.equal(await stream.trim(50, 3), last)
})

test('a claim that never counted is no beginning', async () => {
  const stream = new Stream()
  const valid = stream.claim(0, 5)
  stream.claim(1, 5)
  stream.claim(1, 4)
  stream.commits(9)
  assert.equal(await stream.trim(9, 3), valid)
})

test('commit records written late with the old times of a backlog are kept', async () => {
  const stream = new Stream()
  const first = stream.claim(0, 1)
  stream.commits(0)
  const second = stream.claim(8, 2)
  stream.commits(0)
  assert.equal(await stream.trim(9, 3), first)
  assert.equal(await stream.trim(12, 3), second)
})

/** What happens to a stream, a day apart at most: claims, some of them void, and commit records of whatever age. */
const histories = fc.array(
  fc.record({
    days: fc.double({ min: 0, max: 1, noNaN: true }),
    what: fc.constantFrom('claim', 'void claim', 'commits'),
    backlogDays: fc.double({ min: 0, max: 20, noNaN: true })
  }),
  { minLength: 1, maxLength: 40 }
)

test('whatever was written, only what is older than the retention goes, and a valid claim comes first', async () => {
  await fc.assert(
    fc.asyncProperty(histories, fc.double({ min: 0, max: 10, noNaN: true }), async (history, retentionDays) => {
      const stream = new Stream()
      const written = [0]
      const valid = [stream.claim(0, 1)]
      written.push(0)
      let [now, epoch, dated] = [0, 1, 0]
      for (const { days, what, backlogDays } of history) {
        now += days
        // Times of the stream never fall.
        dated = Math.max(dated, what === 'commits' ? now - backlogDays : now)
        if (what === 'commits') stream.commits(dated)
        else if (what === 'void claim') stream.claim(dated, epoch)
        else valid.push(stream.claim(dated, ++epoch))
        written.push(now)
      }
      // The owner's own State.
      stream.commits(dated)
      const time = Math.floor(now * day) - Math.round(retentionDays * day)
      const trimmed = await stream.trim(now, retentionDays)
      const old = valid.filter(offset => Math.floor(written[offset]! * day) <= time)
      assert.equal(trimmed, old.at(-1) ?? null)
    })
  )
})

test('claims come daily, more often where less than eight days are kept', () => {
  assert.equal(renewalMs(30 * day), day)
  assert.equal(renewalMs(8 * day), day)
  assert.equal(renewalMs(day), day / 8)
  assert.equal(renewalMs(1_000), 125)
})
