import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { isTidemarkError, type TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { QueueManager } from '../services/mq.ts'
import { until } from '../test/support/until.ts'
import { plainRules, taken, withSinkBench, type MqSinkBench, type RunningSink } from './testing/test-sink.ts'

// What the queue manager answers to a sink, and what the sink does: the table of docs/mq.md, "Reason codes of the sink".

interface Bench extends MqSinkBench {
  standIn: QueueManager
}

/** Whose verb meets the fault: of the sink, where it is known which connection it is. */
const on = (verb: string) => (verb === 'N' ? {} : { address: 'sink(1414)' })

/** On a queue manager that does as it is told. */
function withBench(t: TestContext, body: (bench: Bench) => Promise<void>): Promise<void> {
  return withSinkBench(t, async bench => {
    const { standIn } = bench.mq
    if (standIn === null) t.skip('needs faults on demand')
    else await body({ ...bench, standIn })
  })
}

const records = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => ({ value: `v${from + index}` }))

const bodies = async (bench: Bench, count: number) => (await taken(bench, count)).map(({ body }) => body)

async function errorOf({ ended }: RunningSink): Promise<TidemarkError> {
  const error = await ended.then(
    () => null,
    (failure: unknown) => failure
  )
  assert.ok(isTidemarkError(error), String(error))
  return error
}

const passing: [what: string, reason: number, verb: string, code: string][] = [
  ['a queue manager that is away', 2059, 'N', 'MQ_UNREACHABLE'],
  ['a host that does not answer', 2538, 'N', 'MQ_UNREACHABLE'],
  ['a connection handle that is gone', 2018, 'O', 'MQ_UNREACHABLE'],
  ['a unit of work backed out while it is put', 2003, 'P', 'MQ_UNIT_BACKED_OUT'],
  ['a unit of work backed out before the state is got', 2003, 'G', 'MQ_UNIT_BACKED_OUT'],
  ['a connection that breaks between two puts', 2009, 'P', 'MQ_UNREACHABLE'],
  ['a queue manager that ends', 2161, 'P', 'MQ_UNREACHABLE'],
  ['a queue manager that has ended', 2162, 'P', 'MQ_UNREACHABLE'],
  ['an unexpected failure of the queue manager', 2195, 'P', 'MQ_UNREACHABLE'],
  ['a channel that is stopped', 2202, 'P', 'MQ_UNREACHABLE'],
  ['a connection that is being shut down', 2203, 'P', 'MQ_UNREACHABLE'],
  ['a put of unknown outcome', 2549, 'P', 'MQ_UNREACHABLE'],
  ['a reconnection that failed', 2548, 'P', 'MQ_UNREACHABLE'],
  ['a disk that is full for a moment', 2056, 'P', 'MQ_QUEUE_FULL']
]
for (const [what, reason, verb, code] of passing) {
  test(`${what} is waited out, nothing twice, nothing lost: ${reason} is ${code}`, t =>
    withBench(t, async bench => {
      // Of gets the first two look for the state; of opens the first is that of the state queue.
      const skip = { G: 2, O: 1, P: 1, N: 0 }[verb]!
      await bench.standIn.fault({ verb, reason, skip, ...on(verb) })
      bench.stream.add(records(1, 3))
      const sink = bench.start()
      await until(() => sink.codes().length > 0)
      assert.deepEqual(await bodies(bench, 3), ['v1', 'v2', 'v3'])
      assert.deepEqual(sink.codes(), [code])
      await sink.stop()
    }))
}

const refusals: [what: string, reason: number, verb: string, code: string][] = [
  ['another queue manager', 2058, 'N', 'MQ_QUEUE_MANAGER_UNKNOWN'],
  ['a user who may not connect', 2035, 'N', 'MQ_AUTHORIZATION'],
  ['a user who may not put', 2035, 'O', 'MQ_AUTHORIZATION'],
  ['a queue that is not there', 2085, 'O', 'MQ_QUEUE_MISSING'],
  ['a channel that is not defined', 2540, 'N', 'MQ_CHANNEL_UNSUITABLE'],
  ['a channel of another type', 2539, 'N', 'MQ_CHANNEL_UNSUITABLE'],
  ['a channel that is stopped or full', 2537, 'N', 'MQ_CHANNEL_UNSUITABLE'],
  ['a key repository that does not open', 2381, 'N', 'MQ_CHANNEL_UNSUITABLE'],
  ['a channel that wants another encryption', 2393, 'N', 'MQ_CHANNEL_UNSUITABLE'],
  ['a certificate that does not match', 2398, 'N', 'MQ_CHANNEL_UNSUITABLE'],
  ['a CipherSpec that differs', 2397, 'N', 'MQ_CHANNEL_UNSUITABLE'],
  ['a connection on which a callback is active', 2500, 'P', 'MQ_CALL_FAILED'],
  ['a reconnectable connection', 2547, 'P', 'MQ_CALL_FAILED'],
  ['a reason that is not expected', 6195, 'P', 'MQ_CALL_FAILED']
]
for (const [what, reason, verb, code] of refusals) {
  test(`${what} stops the sink by name, with nothing put: ${reason} is ${code}`, t =>
    withBench(t, async bench => {
      await bench.standIn.fault({ verb, reason, skip: verb === 'N' ? 0 : 1, ...on(verb) })
      bench.stream.add(records(1, 3))
      const error = await errorOf(bench.start())
      assert.equal(error.code, code)
      assert.match(error.message, new RegExp(`reason ${reason}`))
      assert.notEqual(error.cure, '')
      await until(async () => (await bench.standIn.look(bench.queue)).depth === 0)
    }))
}

const large = { value: 'x'.repeat(3_000) }
const tooLarge: [what: string, reason: number, restrict: (bench: Bench) => Promise<void>][] = [
  ['the queue takes', 2030, ({ standIn, queue }) => standIn.define(queue, { maxmsgl: 2_000 })],
  ['the queue manager takes', 2031, ({ standIn }) => standIn.set({ messageBytesMax: 2_000 })],
  ['the channel carries', 2218, ({ standIn }) => standIn.set({ channelBytesMax: 2_000 })]
]
for (const [what, reason, restrict] of tooLarge) {
  test(`a record larger than ${what} stops the sink, and nothing of its transaction is put: ${reason}`, t =>
    withBench(t, async bench => {
      t.after(() => bench.standIn.set({ messageBytesMax: 104_857_600, channelBytesMax: 104_857_600 }))
      bench.stream.add(records(1, 2))
      const before = bench.start()
      await until(() => before.messages() === 2)
      await before.stop()
      await restrict(bench)
      bench.stream.add([...records(3, 4), large], records(5, 5))
      const error = await errorOf(bench.start())
      assert.equal(error.code, 'MQ_PUT_TOO_LARGE')
      assert.match(error.message, new RegExp(`MQPUT for queue ${bench.queue} failed with reason ${reason}`))
      assert.match(error.cure, /MAXMSGL/)
      await bench.standIn.set({ messageBytesMax: 104_857_600, channelBytesMax: 104_857_600 })
      assert.deepEqual(await bodies(bench, 2), ['v1', 'v2'])
      await bench.standIn.define(bench.queue, { maxmsgl: 4_194_304 })
      const after = bench.start()
      assert.equal((await bodies(bench, 4)).join().length, 'v3,v4,,v5'.length + large.value.length)
      await after.stop()
    }))
}

test('a queue without space is waited for, with the unit of work backed out: 2056 is MQ_QUEUE_FULL', t =>
  withBench(t, async bench => {
    const { standIn, queue } = bench
    await standIn.define(queue, { maxfsize: 5 })
    bench.stream.add(records(1, 3), records(4, 5))
    const sink = bench.start()
    await until(() => sink.codes().length > 0)
    assert.equal(sink.codes()[0], 'MQ_QUEUE_FULL')
    await until(async () => (await standIn.look(queue)).depth === 0, { what: 'the unit to be backed out' })
    await standIn.define(queue, { maxfsize: 1_000 })
    assert.deepEqual(await bodies(bench, 5), ['v1', 'v2', 'v3', 'v4', 'v5'])
    await sink.stop()
  }))

test('MAXUMSGS that was lowered while the sink ran is asked for anew: 2024', t =>
  withBench(t, async bench => {
    t.after(() => bench.standIn.set({ maxUncommitted: 10_000 }))
    const sink = bench.start()
    await until(() => sink.events.some(({ type }) => type === 'opened'))
    await bench.standIn.set({ maxUncommitted: 6 })
    bench.stream.add(records(1, 3), records(4, 6), records(7, 9))
    await until(() => sink.messages() === 9)
    await bench.standIn.set({ maxUncommitted: 10_000 })
    assert.deepEqual(
      await bodies(bench, 9),
      records(1, 9).map(({ value }) => value)
    )
    assert.deepEqual(sink.codes(), ['MQ_UNIT_TOO_LARGE'])
    await sink.stop()
  }))

test('a state queue with gets inhibited stops the sink with what to alter: 2016', t =>
  withBench(t, async bench => {
    await bench.standIn.define(bench.stateQueue, { get: false })
    const error = await errorOf(bench.start())
    assert.equal(error.code, 'MQ_CALL_FAILED')
    assert.match(error.cure, /GET\(ENABLED\)/)
    await bench.standIn.define(bench.stateQueue, { get: true })
    bench.stream.add(records(1, 1))
    const sink = bench.start()
    assert.deepEqual(await bodies(bench, 1), ['v1'])
    await sink.stop()
  }))

test('a state queue that holds a message too large to be a state stops the sink: 2080 is MQ_STATE_INVALID', t =>
  withBench(t, async bench => {
    const application = await bench.mq.application()
    await application.get(bench.stateQueue, 1)
    await application.put(bench.stateQueue, [{ body: 'x'.repeat(1_100_000) }])
    await application.kill()
    assert.equal((await errorOf(bench.start())).code, 'MQ_STATE_INVALID')
  }))

test('message groups to a queue that is an alias of a topic stop the sink, with nothing put: 2417', t =>
  withBench(t, async bench => {
    await bench.standIn.define(bench.queue, { topic: true })
    bench.stream.add(records(1, 3))
    const error = await errorOf(bench.start({ rules: { ...plainRules, groups: true } }))
    assert.equal(error.code, 'MQ_CALL_FAILED')
    assert.match(error.message, /reason 2417/)
    assert.match(error.cure, /name a queue/)
    assert.equal((await bench.standIn.look(bench.queue)).depth, 0)
    const sink = bench.start()
    assert.deepEqual(await bodies(bench, 3), ['v1', 'v2', 'v3'])
    await sink.stop()
  }))

test('docs/mq.md has every reason code of these tests, with the code it becomes', () => {
  const page = readFileSync(join(import.meta.dirname, '../docs/mq.md'), 'utf8')
  const section = page.split('### Reason codes of the sink')[1]!.split('\n#')[0]!
  const rows = new Map<number, string>()
  for (const [row, reasons] of section.matchAll(/^\| (\d{4}(?:, \d{4})*) +\|.*$/gm)) {
    for (const reason of reasons!.split(', ')) rows.set(Number(reason), row)
  }
  const seen = [
    ...[...passing, ...refusals].map(([, reason, , code]) => [reason, code] as const),
    ...tooLarge.map(([, reason]) => [reason, 'MQ_PUT_TOO_LARGE'] as const),
    [2016, 'MQ_CALL_FAILED'],
    [2024, 'MQ_UNIT_TOO_LARGE'],
    [2080, 'MQ_STATE_INVALID'],
    [2417, 'MQ_CALL_FAILED']
  ] as const
  for (const [reason, code] of seen) {
    if (reason === 6195) continue
    assert.ok(rows.get(reason)?.includes(`\`${code}\``), `${reason}: ${rows.get(reason)}`)
  }
})
