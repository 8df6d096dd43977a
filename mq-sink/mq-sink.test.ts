import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isTidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { MqApplication } from '../test/support/mq.ts'
import { until } from '../test/support/until.ts'
import { plainTarget } from './testing/plain-target.ts'
import { plainRules, taken, withSinkBench } from './testing/test-sink.ts'

const values = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => ({ value: `v${from + index}`, key: `k${from + index}` }))
const bodies = (messages: { body: string }[]) => messages.map(({ body }) => body)

test('transactions are put whole, in order, each once, over a restart', t =>
  withSinkBench(t, async bench => {
    const first = bench.start()
    bench.stream.add(values(1, 3), values(4, 4))
    await until(() => first.messages() === 4)
    await first.stop()
    bench.stream.add(values(5, 6))
    const second = bench.start()
    assert.deepEqual(bodies(await taken(bench, 6)), ['v1', 'v2', 'v3', 'v4', 'v5', 'v6'])
    await second.stop()
    assert.deepEqual(bench.stream.opened, [{ bookmark: '0' }, { bookmark: '2' }])
  }))

/** Runs what is to fail, and returns the error that ended the sink. */
async function endOf(running: { ended: Promise<void> }): Promise<string> {
  const error = await running.ended.then(
    () => null,
    (failure: unknown) => failure
  )
  return isTidemarkError(error) ? error.code : String(error)
}

test('a group is a transaction, with an id of its own, in one unit of work with others', t =>
  withSinkBench(t, async bench => {
    bench.stream.add(values(1, 3), values(4, 4))
    const sink = bench.start({ rules: { ...plainRules, groups: true } })
    const messages = await taken(bench, 4)
    assert.deepEqual(
      messages.map(({ sequence, flags }) => [sequence, flags & 0x18]),
      [
        [1, 8],
        [2, 8],
        [3, 24],
        [1, 24]
      ]
    )
    assert.equal(new Set(messages.map(({ groupId }) => groupId)).size, 2)
    await sink.stop()
  }))

test('the record says what the message is: identifiers, persistence, priority, expiry, reply queue, properties', t =>
  withSinkBench(t, async bench => {
    const id = 'ab'.repeat(24)
    bench.stream.add([
      {
        key: 'k1',
        value: 'one',
        headers: {
          'mq.Persistence': '0',
          'mq.Priority': '7',
          'mq.Expiry': '36000',
          'mq.ReplyToQ': 'REPLIES',
          'mq.MsgType': '1',
          'mq.Format': 'MQSTR',
          'mq.PropertyTypes': 'count=number urgent=boolean',
          colour: 'blue & <green>',
          count: '7',
          urgent: 'true',
          'content-type': 'text/plain'
        }
      },
      { key: id, value: null }
    ])
    const target = { ...plainTarget, name: bench.queue, properties: new Map([['kafkaOffset', 'offset' as const]]) }
    const sink = bench.start({ targets: [target] })
    const [one, two] = await taken(bench, 2)
    assert.equal(one!.body, 'one')
    assert.equal(one!.correlId, Buffer.from('k1').toString('hex').padEnd(48, '0'))
    assert.deepEqual([one!.persistence, one!.priority, one!.type, one!.format], [0, 7, 1, 'MQSTR'])
    assert.ok(one!.expiry > 0 && one!.expiry <= 36_000)
    assert.equal(one!.replyToQueue, 'REPLIES')
    assert.deepEqual(one!.properties, {
      colour: 'blue & <green>',
      count: 7,
      urgent: true,
      content_type: 'text/plain',
      kafkaOffset: '0'
    })
    assert.deepEqual([two!.body, two!.correlId, two!.persistence, two!.expiry], ['', id, 1, -1])
    await sink.stop()
  }))

for (const { name, performed, reason, drop } of [
  { name: 'after the commit (2009)', performed: true, reason: 2009, drop: true },
  { name: 'before the commit (2009)', performed: false, reason: 2009, drop: true },
  { name: 'with the outcome unknown (2549), committed', performed: true, reason: 2549, drop: false },
  { name: 'with the outcome unknown (2549), not committed', performed: false, reason: 2549, drop: true },
  { name: 'by a back-out of the queue manager (2003)', performed: false, reason: 2003, drop: false }
]) {
  test(`a commit that fails ${name} is settled by the state message: nothing twice, nothing lost`, t =>
    withSinkBench(t, async bench => {
      const { standIn } = bench.mq
      if (standIn === null) return t.skip('needs faults on demand')
      await standIn.fault({ verb: 'C', reason, performed, drop, address: 'sink(1414)' })
      bench.stream.add(values(1, 3))
      const sink = bench.start()
      assert.deepEqual(bodies(await taken(bench, 3)), ['v1', 'v2', 'v3'])
      bench.stream.add(values(4, 4))
      assert.deepEqual(bodies(await taken(bench, 1)), ['v4'])
      assert.deepEqual(sink.codes(), [reason === 2003 ? 'MQ_UNIT_BACKED_OUT' : 'MQ_COMMIT_IN_DOUBT'])
      await sink.stop()
    }))
}

for (const [how, code, make, mend] of [
  ['full', 'MQ_QUEUE_FULL', { maxdepth: 2 }, { maxdepth: 100 }],
  ['inhibited', 'MQ_PUT_INHIBITED', { put: false }, { put: true }]
] as const) {
  test(`a queue that is ${how} has the unit of work backed out before it is tried again`, t =>
    withSinkBench(t, async bench => {
      const { standIn } = bench.mq
      if (standIn === null) return t.skip('needs attributes altered')
      await standIn.define(bench.queue, make)
      bench.stream.add(values(1, 3), values(4, 5))
      const sink = bench.start()
      await until(() => sink.codes().includes(code))
      await until(async () => (await standIn.look(bench.queue)).depth === 0, { what: 'the unit to be backed out' })
      await standIn.define(bench.queue, mend)
      assert.deepEqual(bodies(await taken(bench, 5)), ['v1', 'v2', 'v3', 'v4', 'v5'])
      await sink.stop()
    }))
}

test('a process that is killed in the midst of a unit leaves nothing, and nothing is lost', t =>
  withSinkBench(t, async bench => {
    const { standIn } = bench.mq
    if (standIn === null) return t.skip('needs faults on demand')
    // Hangs: after the puts, before the commit.
    await standIn.fault({ verb: 'C', reason: 0, delayMs: 600_000, drop: true, address: 'sink(1414)' })
    bench.stream.add(values(1, 3))
    const sink = bench.start()
    await until(async () => (await standIn.look(bench.stateQueue)).messages.length === 2)
    process.kill(sink.pids[0]!, 'SIGKILL')
    assert.deepEqual(bodies(await taken(bench, 3)), ['v1', 'v2', 'v3'])
    assert.deepEqual(sink.codes(), ['MQ_UNREACHABLE'])
    await sink.stop()
  }))

test('a commit that never returns is given up after openMsMax, and settled by the state message', t =>
  withSinkBench(t, async bench => {
    const { standIn } = bench.mq
    if (standIn === null) return t.skip('needs faults on demand')
    await standIn.fault({ verb: 'C', reason: 0, delayMs: 600_000, drop: true, address: 'sink(1414)' })
    bench.stream.add(values(1, 3))
    const sink = bench.start({ rules: { ...plainRules, openMsMax: 300 } })
    assert.deepEqual(bodies(await taken(bench, 3)), ['v1', 'v2', 'v3'])
    assert.ok(sink.codes().every(code => code === 'MQ_UNIT_TOO_SLOW') && sink.codes().length > 0)
    await sink.stop()
  }))

test('a second sink waits, and goes on where the first one stood', t =>
  withSinkBench(t, async bench => {
    const first = bench.start()
    bench.stream.add(values(1, 2))
    await until(() => first.messages() === 2)
    const second = bench.start()
    await until(() => second.events.some(({ type }) => type === 'standby'))
    bench.stream.add(values(3, 3))
    await until(() => first.messages() === 3)
    await first.stop()
    bench.stream.add(values(4, 4))
    assert.deepEqual(bodies(await taken(bench, 4)), ['v1', 'v2', 'v3', 'v4'])
    assert.equal(second.messages(), 1)
    await second.stop()
  }))

test('a transaction larger than MAXUMSGS stops the sink before anything of it is put', t =>
  withSinkBench(t, async bench => {
    const { standIn } = bench.mq
    if (standIn === null) return t.skip('needs MAXUMSGS altered')
    await standIn.set({ maxUncommitted: 10 })
    t.after(() => standIn.set({ maxUncommitted: 10_000 }))
    bench.stream.add(values(1, 3), values(4, 20))
    const sink = bench.start()
    assert.equal(await endOf(sink), 'MQ_UNIT_TOO_LARGE')
    assert.deepEqual(bodies(await taken(bench, 3)), ['v1', 'v2', 'v3'])
  }))

for (const groups of [false, true]) {
  for (const streamedFrom of [Infinity, 5]) {
    const how = `${groups ? 'as one group' : 'in parts'}, ${streamedFrom === 5 ? 'streamed' : 'held whole'}`
    test(`a transaction larger than MAXUMSGS goes over several units where that is wanted, ${how}`, t =>
      withSinkBench(t, async bench => {
        const { standIn } = bench.mq
        if (standIn === null) return t.skip('needs MAXUMSGS altered')
        await standIn.set({ maxUncommitted: 10 })
        t.after(() => standIn.set({ maxUncommitted: 10_000 }))
        bench.stream.streamedFrom = streamedFrom
        // The third unit fails after two are committed: the rest goes on in the midst of the transaction.
        await standIn.fault({ verb: 'C', reason: 2009, performed: false, drop: true, skip: 2, address: 'sink(1414)' })
        bench.stream.add(values(1, 3), values(4, 40), values(41, 41))
        const sink = bench.start({ rules: { ...plainRules, large: 'split', groups } })
        await until(() => sink.messages() === 41)
        await standIn.set({ maxUncommitted: 10_000 })
        const messages = await taken(bench, 41)
        assert.deepEqual(
          bodies(messages),
          values(1, 41).map(({ value }) => value)
        )
        if (groups) {
          const large = messages.slice(3, 40)
          assert.deepEqual(
            large.map(({ sequence }) => sequence),
            values(1, 37).map((_, index) => index + 1)
          )
          assert.equal(new Set(large.map(({ groupId }) => groupId)).size, 1)
          assert.deepEqual(large.map(({ flags }) => flags & 16).filter(last => last !== 0).length, 1)
        }
        await sink.stop()
      }))
  }
}

test('a state queue that was emptied, written to, or is that of another sink stops the sink', t =>
  withSinkBench(t, async bench => {
    // Each by an application of its own: while one has the queue open, a sink would wait.
    const withApplication = async <T>(act: (application: MqApplication) => Promise<T>): Promise<T> => {
      const application = await bench.mq.application()
      const result = await act(application)
      await application.kill()
      return result
    }
    const [message] = await withApplication(application => application.get(bench.stateQueue, 5))
    const state = message!.body
    assert.equal(await endOf(bench.start()), 'MQ_STATE_MISSING')
    const other = state.replace('orders.commits', 'bank.commits')
    await withApplication(application => application.put(bench.stateQueue, [{ body: other }]))
    assert.equal(await endOf(bench.start()), 'MQ_STATE_INVALID')
    await withApplication(application => application.put(bench.stateQueue, [{ body: state }]))
    assert.equal(await endOf(bench.start()), 'MQ_STATE_INVALID')
  }))
