import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { RecordReader } from '@tidemark/kafka/record-batch/record-reader.ts'
import type { PartitionBatch } from '@tidemark/kafka/producer-session.ts'
import { BY_KEY } from '@tidemark/kcop/record-sink.ts'
import { decodeCommitStreamRecord } from '@tidemark/schemas/commit-stream-codec.ts'
import type { Commits, TransactionEntry } from '@tidemark/schemas/commit-stream.ts'
import { RecordHeader } from '@tidemark/schemas/record-header.ts'
import { isTidemarkError, TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { owned } from '../ownership/testing/owned.ts'
import { Delivery, type DeliveryOptions, type FaultPoint } from './delivery.ts'

interface Stored {
  place: string
  offset: number
  key: string | null
  value: string | null
  header: { epoch: number; sequence: number; record: number; operation: number }
}

/** A broker that stores at once, or holds produce requests until told. */
class Broker {
  readonly stored: Stored[] = []
  readonly commits: Commits[] = []
  readonly requests: string[][] = []
  hold = false
  private held: (() => void)[] = []
  private readonly ends = new Map<string, number>([['bank.commits/0', 2]])
  failure: unknown = null

  async produce(parts: readonly PartitionBatch[]): Promise<number[]> {
    this.requests.push(parts.map(({ topic, partition }) => `${topic}/${partition}`))
    const bytes = parts.map(({ batch }) => Buffer.from(batch.seal(seal)))
    if (this.hold) await new Promise<void>(resolve => this.held.push(resolve))
    if (this.failure !== null) throw this.failure
    return parts.map(({ topic, partition }, index) => this.store(topic, partition, bytes[index]!))
  }

  release(): void {
    const held = this.held
    this.held = []
    for (const go of held) go()
  }

  private store(topic: string, partition: number, bytes: Buffer): number {
    const place = `${topic}/${partition}`
    const base = this.ends.get(place) ?? 0
    const reader = new RecordReader()
    reader.reset(bytes)
    let count = 0
    while (reader.next()) {
      if (topic === 'bank.commits') this.commit(reader)
      else this.stored.push({ place, offset: base + count, ...contentOf(reader) })
      count++
    }
    this.ends.set(place, base + count)
    return base
  }

  private commit(reader: RecordReader): void {
    const record = decodeCommitStreamRecord(reader.bytes.subarray(reader.valueStart, reader.valueEnd))
    assert.equal(record.type, 'commits')
    this.commits.push(record as Commits)
  }

  entries(): TransactionEntry[] {
    return this.commits.flatMap(({ entries }) => entries.filter(entry => entry.type === 'transaction'))
  }
}

const seal = { compression: 'none', producerId: -1n, producerEpoch: -1, baseSequence: -1 } as const

function contentOf(reader: RecordReader): Omit<Stored, 'place' | 'offset'> {
  const text = (start: number, end: number): string | null =>
    start < 0 ? null : reader.bytes.toString('utf8', start, end)
  assert.ok(reader.findHeader(Buffer.from('tidemark')))
  const header = new RecordHeader()
  header.decode(reader.bytes, reader.foundStart, reader.foundEnd)
  const { epoch, sequence, record, operation } = header
  return {
    key: text(reader.keyStart, reader.keyEnd),
    value: text(reader.valueStart, reader.valueEnd),
    header: { epoch, sequence, record, operation }
  }
}

interface Bench {
  broker: Broker
  delivery: Delivery
  settled: number[]
  pressure: boolean[]
  reached: FaultPoint[]
  errors: unknown[]
  send(topic: string, key: string, value: string | null, operation?: number): void
  transaction(position: number, ...records: [topic: string, key: string, value: string | null][]): void
}

const position = (n: number): Buffer => Buffer.from([n])

function bench(more: Partial<DeliveryOptions> = {}): Bench {
  const broker = new Broker()
  const session = { produce: (parts: readonly PartitionBatch[]) => broker.produce(parts) }
  const ownership = owned(session)
  const settled: number[] = []
  const pressure: boolean[] = []
  const reached: FaultPoint[] = []
  const errors: unknown[] = []
  const delivery = new Delivery({
    ownership,
    topics: { find: () => Promise.resolve({ partitions: 2, messageBytesMax: 1_000_000 }) },
    now: () => 1_000,
    schedule: task => void setImmediate(task),
    budgetBytes: 10_000,
    batchBytesMax: 5_000,
    onPressure: high => pressure.push(high),
    onSettled: at => settled.push(at[0]!),
    onReached: point => reached.push(point),
    onFailed: error => errors.push(error),
    ...more
  })
  const send = (topic: string, key: string, value: string | null, operation = 0): void => {
    const [k, v] = [Buffer.from(key), value === null ? null : Buffer.from(value)]
    delivery.writer.at(operation)
    delivery.writer.append(delivery.writer.topic(topic), BY_KEY, k, 0, k.length, v, 0, v?.length ?? 0, null)
  }
  const transaction: Bench['transaction'] = (at, ...records) => {
    delivery.writer.begin({ sourceId: String(at), commitTime: at * 1000, position: position(at), kind: 'mirror' })
    records.forEach(([topic, key, value], index) => send(topic, key, value, index))
    if (delivery.writer.commit(position(at), records.length)) delivery.flushSoon()
  }
  return { broker, delivery, settled, pressure, reached, errors, send, transaction }
}

/** Bytes of buffers that something still refers to: a collection frees them in other threads, the next waits for those. */
function heldBytes(): number {
  setFlagsFromString('--expose-gc')
  for (let n = 0; n < 3; n++) runInNewContext('gc')()
  return process.memoryUsage().arrayBuffers
}

async function turns(count = 20): Promise<void> {
  for (let n = 0; n < count; n++) await turn()
}

describe('delivering transactions', () => {
  it('names a transaction after its records are stored, and settles it after its commit record', async () => {
    const { broker, delivery, transaction, settled, reached } = bench()
    transaction(1, ['account', 'a', '1'], ['account', 'b', '2'], ['transfer', 't', '3'])
    await delivery.drain()
    assert.deepEqual(
      broker.stored.map(({ key, header }) => [key, header.epoch, header.sequence, header.operation]).sort(),
      [
        ['a', 5, 11, 0],
        ['b', 5, 11, 1],
        ['t', 5, 11, 2]
      ]
    )
    const [entry] = broker.entries()
    assert.equal(entry!.records, 3)
    assert.equal(entry!.operations, 3)
    assert.equal(
      entry!.counts.reduce((sum, { records }) => sum + records, 0),
      3
    )
    assert.deepEqual(settled, [1])
    assert.deepEqual(reached, ['data-stored', 'commit-next', 'commit-stored', 'settle-next'])
  })

  it('produces nothing before it was verified, and nothing that verifying refuses', async () => {
    const asked: number[] = []
    const waiting: { resolve(): void; reject(error: Error): void }[] = []
    const { broker, delivery, transaction, settled, errors } = bench({
      verify: () => {
        asked.push(broker.stored.length)
        return new Promise((resolve, reject) => waiting.push({ resolve, reject }))
      }
    })
    transaction(1, ['account', 'a', '1'])
    await turns()
    transaction(2, ['account', 'b', '2'])
    await turns()
    assert.deepEqual([asked, broker.stored.length], [[0], 0])
    waiting[0]!.resolve()
    await turns()
    // What came while it was verified waits for the next look.
    assert.deepEqual([asked, settled], [[0, 1], [1]])
    const refusal = new Error('altered')
    waiting[1]!.reject(refusal)
    await turns()
    assert.deepEqual([errors, settled, broker.stored.length], [[refusal], [1], 1])
    delivery.abandon()
  })

  it('keeps neither batches nor endless annotations while the commit stream takes nothing', async () => {
    const partitions = 200
    const { broker, delivery, errors } = bench({
      topics: { find: () => Promise.resolve({ partitions, messageBytesMax: 1_000_000 }) },
      batchBytesMax: 1_000_000
    })
    const store = broker.produce.bind(broker)
    broker.produce = async parts => {
      if (parts[0]!.topic === 'bank.commits') return new Promise(() => {})
      await store(parts)
      broker.stored.length = 0
      return parts.map(() => 0)
    }
    const value = Buffer.alloc(20_000)
    const before = heldBytes()
    for (let round = 0; round < 30; round++) {
      const { writer } = delivery
      writer.begin({ sourceId: '1', commitTime: 0, position: position(1), kind: 'mirror' })
      const topic = writer.topic('account')
      for (let partition = 0; partition < partitions; partition++) {
        writer.append(topic, partition, null, 0, 0, value, 0, value.length, null)
      }
      writer.commit(position(1), partitions)
      delivery.flushSoon()
      await turns()
    }
    const held = heldBytes() - before
    assert.ok(held < 30_000_000, `${held} bytes are held`)
    const stored = broker.requests.length
    for (let n = 0; n < 10_000; n++) {
      delivery.writer.begin({ sourceId: '1', commitTime: 0, position: position(1), kind: 'mirror' })
      delivery.writer.annotate('note', Buffer.alloc(8_000))
      delivery.writer.commit(position(1), 1)
      delivery.flushSoon()
      if (n % 100 === 0) await turns(2)
    }
    assert.ok(delivery.writer.bytes > 40_000_000, 'what is not taken counts as gathered')
    assert.equal(broker.requests.length, stored)
    assert.deepEqual(errors, [])
  })

  it('numbers records densely over all partitions of a transaction', async () => {
    const { broker, delivery, transaction } = bench()
    transaction(1, ['account', 'a', '1'], ['account', 'b', '2'], ['transfer', 't', '3'], ['account', 'c', null])
    await delivery.drain()
    assert.deepEqual(broker.stored.map(({ header }) => header.record).sort(), [0, 1, 2, 3])
  })

  it('gives a sequence number only to transactions that have a record', async () => {
    const { broker, delivery, transaction } = bench()
    transaction(1, ['account', 'a', '1'])
    transaction(2)
    transaction(3, ['account', 'a', '2'])
    await delivery.drain()
    assert.deepEqual(
      broker.entries().map(({ sequence }) => sequence),
      [11, 12]
    )
  })

  it('says where the first record of each part is, for the first entry that uses it', async () => {
    const { broker, delivery, transaction } = bench()
    transaction(1, ['account', 'a', '1'])
    await delivery.drain()
    transaction(2, ['account', 'a', '2'])
    transaction(3, ['account', 'a', '3'])
    await delivery.drain()
    const [first, second] = broker.commits
    assert.deepEqual(
      first!.parts.map(({ firstOffset }) => firstOffset),
      [0]
    )
    assert.deepEqual(
      second!.parts.map(({ firstOffset }) => firstOffset),
      [1]
    )
  })

  it('gathers the next flush while one is in flight, and keeps the order of commit records', async () => {
    const { broker, delivery, transaction } = bench()
    broker.hold = true
    transaction(1, ['account', 'a', '1'])
    await turns()
    for (let n = 2; n <= 50; n++) transaction(n, ['account', 'a', String(n)])
    await turns()
    assert.equal(broker.requests.length, 1)
    broker.hold = false
    broker.release()
    await delivery.drain()
    assert.deepEqual(
      broker.entries().map(({ sequence }) => sequence),
      Array.from({ length: 50 }, (_, n) => 11 + n)
    )
    assert.ok(broker.requests.length < 10, `${broker.requests.length} requests`)
  })

  it('keeps a commit record to 64 entries', async () => {
    const { broker, delivery, transaction } = bench()
    for (let n = 1; n <= 150; n++) transaction(n, ['account', 'a', '1'])
    await delivery.drain()
    assert.deepEqual(
      broker.commits.map(({ entries }) => entries.length),
      [64, 64, 22]
    )
  })

  it('leaves a transaction of more than 10,000 records alone in its commit record', async () => {
    const { broker, delivery, transaction } = bench({ budgetBytes: 1e9 })
    transaction(1, ['account', 'a', '1'])
    transaction(2, ...Array.from({ length: 10_001 }, (_, n) => ['account', String(n), 'x'] as [string, string, string]))
    transaction(3, ['account', 'a', '1'])
    await delivery.drain()
    assert.deepEqual(
      broker.commits.map(({ entries }) => entries.map(entry => entry.type === 'transaction' && entry.records)),
      [[1], [10_001], [1]]
    )
  })

  it('produces the data of an open transaction before it is whole, and names it only then', async () => {
    const { broker, delivery, send, settled } = bench()
    delivery.writer.begin({ sourceId: '1', commitTime: 0, position: position(1), kind: 'mirror' })
    send('account', 'a', '1')
    delivery.flushSoon()
    await turns()
    assert.equal(broker.stored.length, 1)
    assert.equal(broker.commits.length, 0)
    send('account', 'b', '2')
    delivery.writer.commit(position(1), 2)
    delivery.flushSoon()
    await delivery.drain()
    assert.equal(broker.entries()[0]!.records, 2)
    assert.deepEqual(settled, [1])
  })

  it('holds records of a topic until its partitions are known, then places them in order', async () => {
    let answer: (facts: { partitions: number; messageBytesMax: number }) => void = () => {}
    const find = (): Promise<{ partitions: number; messageBytesMax: number }> =>
      new Promise(resolve => (answer = resolve))
    const { broker, delivery, transaction, pressure } = bench({ topics: { find } })
    transaction(1, ['account', 'a', '1'])
    transaction(2, ['account', 'a', '2'])
    await turns()
    assert.deepEqual(pressure, [true])
    assert.equal(broker.stored.length, 0)
    answer({ partitions: 3, messageBytesMax: 10_000 })
    await delivery.drain()
    assert.deepEqual(
      broker.stored.map(({ value }) => value),
      ['1', '2']
    )
    assert.deepEqual(
      broker.entries().map(({ counts }) => counts.map(({ records }) => records)),
      [[1], [1]]
    )
    assert.deepEqual(pressure, [true, false])
  })

  it('never makes a batch larger than the topic takes', async () => {
    const facts = { partitions: 1, messageBytesMax: 1_000 }
    const { broker, delivery, transaction } = bench({ topics: { find: () => Promise.resolve(facts) } })
    transaction(
      1,
      ...Array.from({ length: 30 }, (_, n) => ['account', String(n), 'x'.repeat(90)] as [string, string, string])
    )
    await delivery.drain()
    assert.equal(broker.stored.length, 30)
    assert.ok(broker.requests[0]!.length > 3, 'one batch held everything')
    assert.deepEqual(
      broker.stored.map(({ header }) => header.record),
      Array.from({ length: 30 }, (_, n) => n)
    )
  })

  it('stops at a record larger than the topic takes, by name', async () => {
    const facts = { partitions: 1, messageBytesMax: 100 }
    const { delivery, transaction, errors, settled } = bench({ topics: { find: () => Promise.resolve(facts) } })
    transaction(1, ['account', 'a', 'x'.repeat(200)])
    await delivery.drain()
    assert.ok(isTidemarkError(errors[0], 'RECORD_TOO_LARGE'))
    assert.deepEqual(settled, [])
  })

  it('asks for a pause above its budget and ends it below half', async () => {
    const { broker, delivery, transaction, pressure } = bench({ budgetBytes: 1_000 })
    broker.hold = true
    transaction(1, ['account', 'a', '1'])
    await turns()
    for (let n = 2; n <= 20; n++) transaction(n, ['account', 'a', 'x'.repeat(100)])
    assert.deepEqual(pressure.at(-1), true)
    broker.hold = false
    broker.release()
    await delivery.drain()
    assert.deepEqual(pressure.at(-1), false)
  })

  it('knows how long the broker has owed an answer', async () => {
    let now = 1_000
    const { broker, delivery, transaction } = bench({ now: () => now })
    assert.equal(delivery.owedMs, 0)
    broker.hold = true
    transaction(1, ['account', 'a', '1'])
    await turns()
    now = 61_001
    assert.equal(delivery.owedMs, 60_001)
    broker.hold = false
    broker.release()
    await delivery.drain()
    assert.equal(delivery.owedMs, 0)
  })

  it('settles nothing after a failure', async () => {
    const { broker, delivery, transaction, settled, errors } = bench()
    broker.failure = new TidemarkError('PRODUCER_FENCED', { message: 'fenced' })
    transaction(1, ['account', 'a', '1'])
    transaction(2, ['account', 'a', '1'])
    await delivery.drain()
    assert.equal(errors.length, 1)
    assert.deepEqual(settled, [])
    assert.equal(broker.commits.length, 0)
  })

  it('refuses annotations beyond their limit before any of their data is produced', () => {
    const { delivery } = bench()
    delivery.writer.begin({ sourceId: '1', commitTime: 0, position: position(1), kind: 'mirror' })
    assert.throws(
      () => delivery.writer.annotate('note', Buffer.alloc(8_200)),
      error => isTidemarkError(error, 'PROCESSOR_FAILED')
    )
  })
})
