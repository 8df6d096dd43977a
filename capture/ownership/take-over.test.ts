import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { BatchBuilder } from '@tidemark/kafka/record-batch/batch-builder.ts'
import { RecordReader } from '@tidemark/kafka/record-batch/record-reader.ts'
import type { PartitionBatch } from '@tidemark/kafka/producer-session.ts'
import type { FetchedPartition, FetchRequest, LogReader } from '@tidemark/kafka/log-reader.ts'
import { decodeCommitStreamRecord, encodeCommitStreamRecord } from '@tidemark/schemas/commit-stream-codec.ts'
import {
  noExtensions,
  type Claim,
  type Commits,
  type CommitStreamRecord,
  type Genesis,
  type Known
} from '@tidemark/schemas/commit-stream.ts'
import { isTidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { ErrorCode } from '@tidemark/schemas/error-codes.ts'
import { CommitStreamLog } from './commit-stream-log.ts'
import { refreshExtension } from './stream-state.ts'
import { takeOver, type Ownership, type TakeOverOptions } from './take-over.ts'

const topic = 'bank.commits'
const none: Known = { offset: 0, epoch: 0, claim: 0 }

/** The commit stream as an array of records; `start` is moved by trimming. */
class Stream implements LogReader {
  readonly records: CommitStreamRecord[] = []
  start = 0
  /** Called before a record is appended: what others write first. */
  before: () => void = () => {}
  fetches = 0

  add(...records: CommitStreamRecord[]): this {
    this.records.push(...records)
    return this
  }

  bounds(): Promise<{ start: number; end: number }> {
    return Promise.resolve({ start: this.start, end: this.records.length })
  }

  offsetAtTime(): Promise<number | null> {
    return Promise.resolve(null)
  }

  fetch([request]: readonly FetchRequest[]): Promise<FetchedPartition[]> {
    this.fetches++
    const { offset } = request!
    const outOfRange = offset < this.start || offset > this.records.length
    const batches = outOfRange ? [] : this.records.slice(offset).map((record, index) => batchOf(record, offset + index))
    return Promise.resolve([
      {
        topic,
        partition: 0,
        batches: Buffer.concat(batches),
        highWatermark: this.records.length,
        logStart: this.start,
        outOfRange
      }
    ])
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  produce(parts: readonly PartitionBatch[]): Promise<number[]> {
    this.before()
    const base = this.records.length
    const reader = new RecordReader()
    const bytes = parts[0]!.batch.seal({ compression: 'none', producerId: -1n, producerEpoch: -1, baseSequence: -1 })
    reader.reset(bytes)
    while (reader.next()) this.add(decodeCommitStreamRecord(reader.bytes.subarray(reader.valueStart, reader.valueEnd)))
    return Promise.resolve([base])
  }
}

function batchOf(record: CommitStreamRecord, offset: number): Buffer {
  const value = encodeCommitStreamRecord(record)
  const batch = new BatchBuilder()
  batch.append(1_000, null, 0, 0, value, 0, value.length, 0, null, 0, 0)
  const bytes = Buffer.from(batch.seal({ compression: 'none', producerId: -1n, producerEpoch: -1, baseSequence: -1 }))
  bytes.writeBigInt64BE(BigInt(offset), 0)
  return bytes
}

const position = (n: number): Buffer => Buffer.from([0, 0, 0, 0, 0, 0, 0, n])

const genesis = (extensions: Genesis['extensions'] = noExtensions): Genesis => ({
  type: 'genesis',
  stream: 7,
  subscription: 'bank',
  system: 'here',
  position: position(1),
  known: none,
  extensions
})

const claim = (epoch: number, known: Known = none, more: Partial<Claim> = {}): Claim => ({
  type: 'claim',
  stream: 7,
  epoch,
  nonce: Buffer.alloc(16, epoch),
  agent: `agent ${epoch}`,
  system: 'here',
  timeline: 1,
  sequence: 0,
  position: position(1),
  known,
  extensions: noExtensions,
  ...more
})

const state = (epoch: number, sequence: number, at: number, known: Known, refreshing = false): Commits => ({
  type: 'commits',
  epoch,
  parts: [],
  entries: [
    {
      type: 'state',
      sequence,
      position: position(at),
      time: 0,
      reason: null,
      acceptedBy: null,
      extensions: refreshing ? new Map([[refreshExtension, Buffer.from('running')]]) : noExtensions
    }
  ],
  known,
  extensions: noExtensions
})

/** Takes over as a healthy agent would, `more` set otherwise. */
async function take(stream: Stream, more: Partial<TakeOverOptions> = {}, confirmed = 0): Promise<Ownership> {
  let nonce = 100
  return takeOver({
    subscription: 'bank',
    agent: 'me',
    log: new CommitStreamLog(topic, stream),
    source: { identity: { system: 'here', timeline: 1 }, confirmed: () => Promise.resolve(position(confirmed)) },
    openSession: () => Promise.resolve(stream),
    signal: new AbortController().signal,
    now: () => 0,
    randomBytes: length => Buffer.alloc(length, nonce++),
    ...more
  })
}

/** Refused by that name, and nothing was written. */
async function refused(
  stream: Stream,
  code: ErrorCode,
  more: Partial<TakeOverOptions> = {},
  confirmed = 0
): Promise<void> {
  const written = stream.records.length
  await assert.rejects(take(stream, more, confirmed), error => isTidemarkError(error, code))
  assert.equal(stream.records.length, written)
}

describe('taking over a subscription', () => {
  it('begins at genesis when nobody has owned it', async () => {
    const owned = await take(new Stream().add(genesis()))
    assert.equal(owned.epoch, 1)
    assert.equal(owned.state.stream, 7)
    assert.equal(owned.state.sequence, 0)
    assert.deepEqual(Buffer.from(owned.state.position), position(1))
    assert.deepEqual(owned.own.known, { offset: 2, epoch: 1, claim: 1 })
  })

  it('claims an epoch above the last and not below the seconds since 2020', async () => {
    const stream = new Stream().add(genesis(), claim(5))
    assert.equal((await take(stream)).epoch, 6)
    const now = Date.UTC(2020, 0, 1) + 1_000_000
    assert.equal((await take(stream, { now: () => now })).epoch, 1_000)
  })

  it('claims with what is said of the last claim, and writes nothing when that is refused', async () => {
    const said = (text: string) => new Map([['lookups', Buffer.from(text)]])
    const stream = new Stream().add(genesis(said('genesis')))
    const seen: string[] = []
    const extensions: TakeOverOptions['extensions'] = ({ claimed }) => {
      seen.push(Buffer.from(claimed.get('lookups') ?? []).toString())
      return Promise.resolve(said(`claim ${seen.length}`))
    }
    await take(stream, { extensions })
    await take(stream, { extensions })
    await take(stream)
    await take(stream, { extensions })
    assert.deepEqual(seen, ['genesis', 'claim 1', ''])
    const written = stream.records.length
    await assert.rejects(take(stream, { extensions: () => Promise.reject(new Error('altered')) }), /altered/)
    assert.equal(stream.records.length, written)
  })

  it('goes on from the last entry of the last valid commit record, not from a void one after it', async () => {
    const stream = new Stream().add(genesis(), claim(1), state(1, 3, 30, none), claim(2), state(1, 4, 40, none))
    const { state: found } = await take(stream)
    assert.equal(found.sequence, 3)
    assert.deepEqual(Buffer.from(found.position), position(30))
  })

  it('counts what another owner wrote between the check and its own claim', async () => {
    const stream = new Stream().add(genesis(), claim(1), state(1, 3, 30, none))
    stream.before = () => {
      stream.before = () => {}
      stream.add(state(1, 4, 40, none))
    }
    assert.equal((await take(stream)).state.sequence, 4)
  })

  it('is superseded when another claim of the same or a higher epoch came first', async () => {
    const stream = new Stream().add(genesis(), claim(1), state(1, 3, 30, none))
    stream.before = () => {
      stream.before = () => {}
      stream.add(claim(2))
    }
    await assert.rejects(take(stream), error => isTidemarkError(error, 'SUPERSEDED'))
  })

  it('finds the state without reading the whole stream', async () => {
    const stream = new Stream().add(genesis(), claim(1))
    for (let n = 1; n <= 500; n++) stream.add(state(1, n, 10, { offset: n + 1, epoch: 1, claim: 1 }))
    let read = 0
    const log = new CommitStreamLog(topic, stream)
    const scan = log.scan.bind(log)
    log.scan = (from, to, visit) =>
      scan(from, to, placed => {
        read++
        visit(placed)
      })
    assert.equal((await take(stream, { log })).state.sequence, 500)
    assert.ok(read < 10, `read ${read} records`)
  })

  it('walks back over void records and claims to the last valid state', async () => {
    const stream = new Stream().add(genesis(), claim(1), state(1, 1, 10, { offset: 2, epoch: 1, claim: 1 }))
    stream.add(claim(2, { offset: 3, epoch: 1, claim: 1 }), state(1, 2, 20, { offset: 3, epoch: 1, claim: 1 }))
    stream.add(claim(3, { offset: 5, epoch: 2, claim: 3 }))
    const { state: found } = await take(stream)
    assert.equal(found.sequence, 1)
    assert.equal(found.epoch, 3)
    assert.equal(found.agent, 'agent 3')
  })

  it('reads a trimmed stream that begins with a claim', async () => {
    const stream = new Stream().add(genesis(), claim(1), claim(2), state(2, 9, 90, { offset: 3, epoch: 2, claim: 2 }))
    stream.start = 2
    assert.equal((await take(stream)).state.sequence, 9)
  })

  it('refuses an empty stream: a first start must not look like a lost stream', () =>
    refused(new Stream(), 'STREAM_EMPTY'))

  it('refuses another system before it writes anything', () => {
    const source = { identity: { system: 'there', timeline: 1 }, confirmed: () => Promise.resolve(null) }
    return refused(new Stream().add(genesis(), claim(1), state(1, 1, 10, none)), 'OTHER_SYSTEM', { source })
  })

  it('refuses another timeline', () => {
    const source = { identity: { system: 'here', timeline: 2 }, confirmed: () => Promise.resolve(null) }
    return refused(new Stream().add(genesis(), claim(1), state(1, 1, 10, none)), 'OTHER_TIMELINE', { source })
  })

  it('refuses a source that was confirmed beyond the stream', () =>
    refused(new Stream().add(genesis(), claim(1), state(1, 1, 10, none)), 'SLOT_AHEAD', {}, 11))

  it('accepts a source behind the stream: what it sends again is dropped', async () => {
    const stream = new Stream().add(genesis(), claim(1), state(1, 1, 10, none))
    assert.equal((await take(stream, {}, 9)).state.sequence, 1)
  })

  it('samples the confirmed position before it reads the state, so that a healthy owner is not ahead of it', async () => {
    const stream = new Stream().add(genesis(), claim(1), state(1, 1, 10, none))
    const source = {
      identity: { system: 'here', timeline: 1 },
      confirmed: () => {
        stream.add(state(1, 2, 20, none))
        return Promise.resolve(position(20))
      }
    }
    assert.equal((await take(stream, { source })).state.sequence, 2)
  })

  it('refuses to run while the first copy is wanted or unfinished, and lets the copy itself take over', async () => {
    const wanted = new Stream().add(genesis(new Map([[refreshExtension, Buffer.from('wanted')]])))
    await refused(wanted, 'REFRESH_INCOMPLETE')
    const running = new Stream().add(genesis(), claim(1), state(1, 1, 10, none, true))
    await refused(running, 'REFRESH_INCOMPLETE')
    assert.equal((await take(running, { refreshing: true })).epoch, 2)
  })

  it('lets a copy that starts anew come with a later slot: what lies between is in the copy', async () => {
    const running = new Stream().add(genesis(), claim(1), state(1, 1, 10, none, true))
    assert.equal((await take(running, { refreshing: true }, 50)).epoch, 2)
  })

  it('names a commit record whose claim is missing', () =>
    refused(new Stream().add(genesis(), claim(1), state(2, 1, 10, none)), 'CLAIM_MISSING'))

  it('names a stream whose beginning was cut at the wrong place', () => {
    const stream = new Stream().add(genesis(), claim(1), state(1, 1, 10, none), state(1, 2, 20, none))
    stream.start = 2
    return refused(stream, 'STREAM_TRUNCATED')
  })
})

describe("an owner's own commit records", () => {
  it('are valid one after the other without reading', async () => {
    const stream = new Stream().add(genesis())
    const { own } = await take(stream)
    const { fetches } = stream
    await own.confirm(2, 3)
    await own.confirm(5, 1)
    assert.equal(stream.fetches, fetches)
    assert.deepEqual(own.known, { offset: 6, epoch: 1, claim: 1 })
  })

  it('are valid after a stranger that holds no higher claim', async () => {
    const stream = new Stream().add(genesis())
    const { own, epoch } = await take(stream)
    stream.add(state(0, 0, 0, none), state(epoch, 1, 10, none))
    await own.confirm(3, 1)
    assert.equal(own.known.offset, 4)
  })

  it('are void after a higher claim: the owner must not tell the source', async () => {
    const stream = new Stream().add(genesis())
    const { own, epoch } = await take(stream)
    stream.add(claim(epoch + 1), state(epoch, 1, 10, none))
    await assert.rejects(own.confirm(3, 1), error => isTidemarkError(error, 'SUPERSEDED'))
  })

  it('below the place expected show that the log lost its end', async () => {
    const { own } = await take(new Stream().add(genesis()))
    await assert.rejects(own.confirm(1, 1), error => isTidemarkError(error, 'STREAM_TRUNCATED'))
  })
})
