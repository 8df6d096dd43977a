import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { brokerErrors } from './broker-error.ts'
import type { Clock } from './clock.ts'
import { ProducerSession, type Hold } from './producer-session.ts'
import type { ProduceAnswer } from './produce-wire.ts'
import { NumberedBatch, ScriptedWire, type Fate } from './testing/scripted-wire.ts'

/** Time passes only by the delays asked for. */
function steppedClock(step: (label: string) => Promise<unknown> = () => Promise.resolve()): Clock {
  let now = 0
  return {
    wallMs: () => now,
    steadyMs: () => now,
    random: () => 0.5,
    async delay(ms, signal) {
      await step('delay')
      signal?.throwIfAborted()
      now += ms
    }
  }
}

const retryable = [
  brokerErrors.LEADER_NOT_AVAILABLE,
  brokerErrors.NOT_LEADER_OR_FOLLOWER,
  brokerErrors.NOT_ENOUGH_REPLICAS,
  brokerErrors.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
  brokerErrors.UNKNOWN_TOPIC_OR_PARTITION,
  brokerErrors.KAFKA_STORAGE_ERROR,
  brokerErrors.REQUEST_TIMED_OUT,
  brokerErrors.COORDINATOR_LOAD_IN_PROGRESS,
  brokerErrors.UNKNOWN_SERVER_ERROR
]

const fates: fc.Arbitrary<Fate> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('answered' as const), errors: fc.constant([]) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('answered' as const),
      errors: fc.array(fc.constantFrom(0, ...retryable), { minLength: 1, maxLength: 4 })
    })
  },
  fc.constantFrom<Fate>({ kind: 'lost' }, { kind: 'answer lost' }, { kind: 'late' }, { kind: 'leader moves' })
)

/** Calls of `produce`: for each, the partitions that get a batch. */
const calls = fc.array(fc.uniqueArray(fc.nat(3), { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 12 })

describe('a producer session', () => {
  test('stores each batch once, in order, whatever the network and the brokers do', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.array(fates, { maxLength: 30 }), calls, async (scheduler, script, calls) => {
        const step = (label: string) => scheduler.schedule(Promise.resolve(), label)
        const wire = new ScriptedWire(script, step)
        const session = await ProducerSession.open(wire, 't', { clock: steppedClock(step) })
        let id = 0
        const sent = calls.map(partitions => {
          const batches = partitions.map(partition => ({
            topic: 'a',
            partition,
            batch: new NumberedBatch(id++, 1 + (id % 3))
          }))
          return { batches, offsets: session.produce(batches) }
        })
        const all = Promise.all(sent.map(({ offsets }) => offsets)).then(() => true)
        // To the very end: what was given up but is carried out later must change nothing.
        for (await setImmediate(); scheduler.count() > 0; await setImmediate()) await scheduler.waitNext(1)
        assert.ok(await Promise.race([all, setImmediate(false)]), 'a batch was forgotten')
        for (const partition of [0, 1, 2, 3]) {
          const expected = sent.flatMap(({ batches }) => batches.filter(batch => batch.partition === partition))
          assert.deepEqual(
            wire.stored('a', partition),
            expected.map(({ batch }) => batch.id)
          )
          assert.ok(expected.every(({ batch }) => batch.seals === 1))
        }
        for (const { batches, offsets } of sent) {
          for (const [index, offset] of (await offsets).entries()) {
            const { partition, batch } = batches[index]!
            const stored = wire.log('a', partition).batches.find(stored => stored.id === batch.id)
            assert.equal(offset, stored?.offset)
          }
        }
      }),
      { numRuns: 300 }
    )
  })

  test('never has two batches of a partition in flight', async () => {
    const wire = new ScriptedWire([])
    const session = await ProducerSession.open(wire, 't')
    const first = session.produce([{ topic: 'a', partition: 0, batch: new NumberedBatch(1) }])
    const second = session.produce([{ topic: 'a', partition: 0, batch: new NumberedBatch(2) }])
    let open = 0
    const produce = wire.produce.bind(wire)
    wire.produce = async (node, parts) => {
      assert.equal(++open, 1)
      const answers = await produce(node, parts)
      open--
      return answers
    }
    assert.deepEqual(await Promise.all([first, second]), [[0], [1]])
  })

  test('sends one request to a node for all of its partitions', async () => {
    const wire = new ScriptedWire([])
    const session = await ProducerSession.open(wire, 't')
    const batches = [0, 1, 2, 3].map(partition => ({ topic: 'a', partition, batch: new NumberedBatch(partition) }))
    await session.produce(batches)
    assert.deepEqual(wire.requests, [
      { node: 1, parts: ['a/0', 'a/2'] },
      { node: 2, parts: ['a/1', 'a/3'] }
    ])
  })

  test('splits a request that would be larger than its limit', async () => {
    const wire = new ScriptedWire([])
    const session = await ProducerSession.open(wire, 't', { requestBytesMax: 100 })
    await session.produce([0, 2, 4].map(partition => ({ topic: 'a', partition, batch: new NumberedBatch(partition) })))
    assert.deepEqual(
      wire.requests.map(({ parts }) => parts),
      [['a/0', 'a/2'], ['a/4']]
    )
  })

  test('wraps sequences at 2^31 to 0, as Kafka does', async () => {
    const wire = new ScriptedWire([])
    const session = await ProducerSession.open(wire, 't')
    for (const id of [1, 2, 3]) {
      await session.produce([{ topic: 'a', partition: 0, batch: new NumberedBatch(id, 2 ** 30 + 1) }])
    }
    const sequences = wire.log('a', 0).batches.map(({ sequence }) => sequence)
    assert.deepEqual(sequences, [0, 2 ** 30 + 1, 2])
  })

  test('says what it waits for and since when, once per cause, and when it is over', async () => {
    const held: string[] = []
    const tell = (word: string) => (hold: Hold) =>
      held.push(`${word} ${hold.topic}/${hold.partition} ${hold.cause} ${hold.since}`)
    const errors = [brokerErrors.NOT_ENOUGH_REPLICAS]
    const wire = new ScriptedWire([{ kind: 'answered', errors }, { kind: 'answered', errors }, { kind: 'lost' }])
    const session = await ProducerSession.open(wire, 't', {
      clock: steppedClock(),
      onHold: tell('held'),
      onResume: tell('resumed')
    })
    await session.produce([{ topic: 'a', partition: 0, batch: new NumberedBatch(1) }])
    assert.deepEqual(held, [
      'held a/0 NOT_ENOUGH_REPLICAS (19) 0',
      'held a/0 connection lost 0',
      'resumed a/0 connection lost 0'
    ])
  })

  test('waits longer after each failure, up to a limit', async () => {
    const waits: number[] = []
    const clock = { ...steppedClock(), delay: async (ms: number) => void waits.push(ms) }
    const wire = new ScriptedWire(Array.from({ length: 6 }, () => ({ kind: 'lost' as const })))
    const session = await ProducerSession.open(wire, 't', { clock, backoff: { firstMs: 100, maxMs: 1000 } })
    await session.produce([{ topic: 'a', partition: 0, batch: new NumberedBatch(1) }])
    assert.deepEqual(waits, [100, 200, 400, 800, 1000, 1000])
  })

  for (const [error, code] of [
    [brokerErrors.OUT_OF_ORDER_SEQUENCE_NUMBER, 'PRODUCE_FAILED'],
    [brokerErrors.UNKNOWN_PRODUCER_ID, 'PRODUCE_FAILED'],
    [brokerErrors.DUPLICATE_SEQUENCE_NUMBER, 'PRODUCE_FAILED'],
    [brokerErrors.INVALID_RECORD, 'TOPIC_UNSUITABLE'],
    [brokerErrors.INVALID_TIMESTAMP, 'TOPIC_UNSUITABLE'],
    [brokerErrors.INVALID_PRODUCER_EPOCH, 'PRODUCER_FENCED'],
    [brokerErrors.PRODUCER_FENCED, 'PRODUCER_FENCED'],
    [brokerErrors.MESSAGE_TOO_LARGE, 'RECORD_TOO_LARGE'],
    [brokerErrors.TOPIC_AUTHORIZATION_FAILED, 'KAFKA_AUTHORIZATION'],
    [brokerErrors.CLUSTER_AUTHORIZATION_FAILED, 'KAFKA_AUTHORIZATION'],
    [brokerErrors.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, 'KAFKA_AUTHORIZATION']
  ] as const) {
    test(`ends for good with ${code} at error ${error}, and names the topic`, async () => {
      const wire = new ScriptedWire([{ kind: 'answered', errors: [0, error] }])
      const session = await ProducerSession.open(wire, 't')
      const named = (thrown: unknown) =>
        thrown instanceof TidemarkError && thrown.code === code && /\ba\b/.test(thrown.message)
      const batches = [0, 2].map(partition => ({ topic: 'a', partition, batch: new NumberedBatch(partition) }))
      const waiting = session.produce([{ topic: 'a', partition: 2, batch: new NumberedBatch(2) }, ...batches])
      const behind = session.produce([{ topic: 'a', partition: 0, batch: new NumberedBatch(9) }])
      await Promise.all([assert.rejects(waiting, named), assert.rejects(behind, named)])
      await assert.rejects(session.produce([{ topic: 'a', partition: 3, batch: new NumberedBatch(4) }]), named)
      assert.equal((session.failure as TidemarkError).code, code)
    })
  }

  test('takes DUPLICATE_SEQUENCE_NUMBER with an offset as stored', async () => {
    const wire = new ScriptedWire([])
    wire.produce = async () => [{ topic: 'a', partition: 0, error: 46, baseOffset: 5 }]
    const session = await ProducerSession.open(wire, 't')
    assert.deepEqual(await session.produce([{ topic: 'a', partition: 0, batch: new NumberedBatch(1) }]), [5])
  })

  test('fences the session opened before it, on the partitions it writes', async () => {
    const wire = new ScriptedWire([])
    const old = await ProducerSession.open(wire, 't')
    await old.produce([{ topic: 'a', partition: 0, batch: new NumberedBatch(1) }])
    const young = await ProducerSession.open(wire, 't')
    wire.log('a', 0).batches.length = 0
    await young.produce([{ topic: 'a', partition: 0, batch: new NumberedBatch(2) }])
    await assert.rejects(old.produce([{ topic: 'a', partition: 0, batch: new NumberedBatch(3) }]), {
      code: 'PRODUCER_FENCED'
    })
  })

  test('gives up a topic that stays unknown, by name', async () => {
    const wire = new ScriptedWire([])
    wire.topicsMissing.add('a')
    const session = await ProducerSession.open(wire, 't', { clock: steppedClock(), topicMissingAfterMs: 10_000 })
    await assert.rejects(session.produce([{ topic: 'a', partition: 0, batch: new NumberedBatch(1) }]), {
      code: 'TOPIC_MISSING'
    })
  })

  test('notices a log that was cut or created anew by an offset it has seen before', async () => {
    const wire = new ScriptedWire([])
    const session = await ProducerSession.open(wire, 't')
    await session.produce([{ topic: 'a', partition: 0, batch: new NumberedBatch(1, 3) }])
    const answer: ProduceAnswer = { topic: 'a', partition: 0, error: 0, baseOffset: 2 }
    wire.produce = async () => [answer]
    await assert.rejects(session.produce([{ topic: 'a', partition: 0, batch: new NumberedBatch(2) }]), {
      code: 'TOPIC_RECREATED'
    })
  })

  test('ends with the reason of its signal, also while it waits', async () => {
    const abort = new AbortController()
    const wire = new ScriptedWire([{ kind: 'lost' }])
    const session = await ProducerSession.open(wire, 't', {
      signal: abort.signal,
      backoff: { firstMs: 1e6, maxMs: 1e6 },
      onHold: () => abort.abort(new Error('stopping'))
    })
    await assert.rejects(session.produce([{ topic: 'a', partition: 0, batch: new NumberedBatch(1) }]), /stopping/)
    await assert.rejects(session.produce([{ topic: 'a', partition: 0, batch: new NumberedBatch(2) }]), /stopping/)
  })

  test('a batch that cannot be sealed ends it without a rejection nobody handles', async () => {
    const wire = new ScriptedWire([])
    const session = await ProducerSession.open(wire, 't')
    const bad = {
      count: 1,
      seal: () => {
        throw new Error('no memory')
      }
    }
    const batches = [
      { topic: 'a', partition: 0, batch: new NumberedBatch(1) },
      { topic: 'a', partition: 1, batch: bad }
    ]
    await assert.rejects(session.produce(batches), /no memory/)
    assert.match(String(session.failure), /no memory/)
  })
})
