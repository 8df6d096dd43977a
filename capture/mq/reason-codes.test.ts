import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { isTidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { until } from '../../test/support/until.ts'
import { useQueueManager } from '../../test/support/mq.ts'
import type { QueueManager } from '../../services/mq.ts'
import { namedReasons, verbError } from './reason-codes.ts'
import { never, numbered, queueOptions, reading, sourceOf } from './testing/source-recorder.ts'

/** A queue with three messages on a queue manager that does as it is told; null: the test is skipped. */
async function threeMessages(t: TestContext, attributes: Parameters<QueueManager['define']>[1] = {}) {
  const mq = await useQueueManager(t)
  if (mq?.standIn === null || mq === null) return null
  const queue = await mq.queue(attributes)
  const application = await mq.application()
  await application.put(queue, numbered(3))
  return { mq, standIn: mq.standIn, queue, application, source: sourceOf(mq, [queueOptions(queue)]) }
}

const refusals: [what: string, reason: number, verb: string, code: string][] = [
  ['a queue manager that is away', 2059, 'N', 'MQ_UNREACHABLE'],
  ['a host that does not answer', 2538, 'N', 'MQ_UNREACHABLE'],
  ['a channel that is not defined', 2540, 'N', 'MQ_CHANNEL_UNSUITABLE'],
  ['a channel that is stopped or full', 2537, 'N', 'MQ_CHANNEL_UNSUITABLE'],
  ['a channel that wants another encryption', 2393, 'N', 'MQ_CHANNEL_UNSUITABLE'],
  ['another queue manager', 2058, 'N', 'MQ_QUEUE_MANAGER_UNKNOWN'],
  ['a user who may not connect', 2035, 'N', 'MQ_AUTHORIZATION'],
  ['a user who may not get', 2035, 'O', 'MQ_AUTHORIZATION'],
  ['a queue that is not there', 2085, 'O', 'MQ_QUEUE_MISSING']
]
for (const [what, reason, verb, code] of refusals) {
  test(`${what} is named: ${reason} is ${code}`, async t => {
    const parts = await threeMessages(t)
    if (parts === null) return
    await parts.standIn.fault({ verb, reason })
    await assert.rejects(parts.source.open(never), { code })
  })
}

const interruptions: [what: string, reason: number, verb: string, code: string][] = [
  ['a unit of work that the queue manager backed out', 2003, 'C', 'MQ_UNIT_BACKED_OUT'],
  ['a unit of work backed out while it is read', 2003, 'G', 'MQ_UNIT_BACKED_OUT'],
  ['a connection that breaks while it reads', 2009, 'G', 'MQ_UNREACHABLE'],
  ['a queue manager that ends', 2161, 'G', 'MQ_UNREACHABLE'],
  ['a channel that is stopped', 2202, 'G', 'MQ_UNREACHABLE'],
  ['a commit of unknown outcome', 2549, 'C', 'MQ_COMMIT_IN_DOUBT']
]
for (const [what, reason, verb, code] of interruptions) {
  test(`${what} ends the run: ${reason} is ${code}; all of it is read again`, async t => {
    const parts = await threeMessages(t)
    if (parts === null) return
    const { standIn, queue, application, source } = parts
    await standIn.fault({ verb, reason, skip: verb === 'G' ? 1 : 0 })
    const first = await reading(t, source)
    await assert.rejects(first.end, { code })
    await first.connection.close()
    assert.equal(await application.depth(queue), 3)
    const named = first.recorder.units.length > 0 ? first.recorder.bodies : []
    const second = await reading(t, source, first.recorder.units[0])
    await until(async () => (await application.depth(queue)) === 0)
    assert.deepEqual([...named, ...second.recorder.bodies], ['m0', 'm1', 'm2'])
  })
}

const stops: [what: string, reason: number, code: string, cure: RegExp][] = [
  ['a group whose gets differ in syncpoint', 2245, 'MQ_CALL_FAILED', /under syncpoint/],
  ['a queue on z/OS without its index', 2394, 'MQ_QUEUE_UNSUITABLE', /INDXTYPE\(GROUPID\)/],
  ['a connection on which a callback is active', 2500, 'MQ_CALL_FAILED', /callback/],
  ['a reason that is not expected', 2195 + 4000, 'MQ_CALL_FAILED', /mqrc/]
]
for (const [what, reason, code, cure] of stops) {
  test(`${what} stops the source by name, and all of the unit is on the queue again: ${reason} is ${code}`, async t => {
    const parts = await threeMessages(t)
    if (parts === null) return
    const { standIn, queue, application, source } = parts
    await standIn.fault({ verb: 'G', reason, skip: 1 })
    const { end, connection } = await reading(t, source)
    await assert.rejects(end, error => {
      assert.ok(isTidemarkError(error))
      assert.equal(error.code, code)
      assert.match(error.message, new RegExp(`MQGET for queue ${queue} failed with reason ${reason}`))
      assert.match(error.cure, cure)
      return true
    })
    await connection.close()
    const back = await application.get(queue, 10)
    assert.deepEqual(
      back.map(({ body, backoutCount }) => [body, backoutCount]),
      [
        ['m0', 1],
        ['m1', 0],
        ['m2', 0]
      ]
    )
  })
}

const failingPuts: [what: string, reason: number, cure: RegExp][] = [
  ['a backout queue that is full', 2053, /full: empty it/],
  ['a backout queue with puts inhibited', 2051, /PUT\(ENABLED\)/],
  ['a backout queue that is a topic', 2417, /name a queue/],
  ['a reconnectable connection', 2547, /DefRecon/]
]
for (const [what, reason, cure] of failingPuts) {
  test(`a message that cannot be set aside stays where it is, and stops the source: ${what}, ${reason}`, async t => {
    const mq = await useQueueManager(t)
    if (mq?.standIn === null || mq === null) return
    const backout = await mq.queue({ maxdepth: reason === 2053 ? 1 : 10, put: reason !== 2051 })
    const parts = (await threeMessages(t, { bothresh: 1, boqname: backout }))!
    const { standIn, queue, application, source } = parts
    if (reason === 2053) await application.put(backout, [{ body: 'fills it' }])
    if (reason === 2417 || reason === 2547) await standIn.fault({ verb: 'P', reason, address: mq.connection.name! })
    // Each message was backed out once: the next owner sets all of them aside.
    await (await sourceOfOneUnit(t, source)).close()
    const { end, connection, recorder } = await reading(t, source)
    await assert.rejects(end, error => {
      assert.ok(isTidemarkError(error) && error.code === 'MQ_CALL_FAILED')
      assert.match(error.message, new RegExp(`MQPUT for queue ${backout} failed with reason ${reason}`))
      assert.match(error.cure, cure)
      return true
    })
    await connection.close()
    assert.deepEqual(recorder.bodies, [])
    assert.equal(await application.depth(queue), 3)
    assert.equal((await standIn.look(backout)).depth, reason === 2053 ? 1 : 0)
  })
}

/** Reads all there is and settles nothing. */
async function sourceOfOneUnit(t: TestContext, source: ReturnType<typeof sourceOf>) {
  const { recorder, connection } = await reading(t, source)
  recorder.settling = false
  await until(() => recorder.units.length > 0)
  return connection
}

test('what cannot be converted comes as it was put, once, and says what it is in: 2110 and 2119', async t => {
  const mq = await useQueueManager(t)
  if (mq?.standIn === null || mq === null) return
  const queue = await mq.queue()
  const application = await mq.application()
  await application.put(queue, [
    { body: 'c1c2c3', hex: true, format: '', descriptor: { CodedCharSetId: 500, Encoding: 785 } },
    { body: '63616f', hex: true, format: 'MQSTR', descriptor: { CodedCharSetId: 1047 } },
    { body: 'ff', hex: true, format: 'OWN', descriptor: { CodedCharSetId: 500 } },
    { body: 'e4', hex: true, format: 'MQSTR', descriptor: { CodedCharSetId: 819 } }
  ])
  const { recorder } = await reading(t, sourceOf(mq, [queueOptions(queue)]))
  await until(async () => (await application.depth(queue)) === 0)
  assert.deepEqual(
    recorder.contents.map(content => content.toString('hex')),
    ['c1c2c3', '63616f', 'ff', 'c3a4']
  )
  assert.deepEqual(
    recorder.properties.map(properties => ['CodedCharSetId', 'Encoding'].map(name => properties.get(`mq.${name}`))),
    [
      [500, 785],
      [1047, 546],
      [500, 546],
      [1208, 546]
    ]
  )
})

test('a commit that takes longer than a unit may be open is in doubt, and comes neither twice nor not at all', async t => {
  const parts = await threeMessages(t)
  if (parts === null) return
  const { mq, standIn, queue, application } = parts
  const source = sourceOf(mq, [queueOptions(queue)], { unitMsMax: 100 })
  await standIn.fault({ verb: 'C', reason: 0, delayMs: 400, address: mq.connection.name! })
  const first = await reading(t, source)
  await assert.rejects(first.end, { code: 'MQ_UNIT_TOO_SLOW' })
  await first.connection.close()
  await application.put(queue, numbered(1, 3))
  const second = await reading(t, sourceOf(mq, [queueOptions(queue)]), first.recorder.units[0])
  await until(() => second.recorder.bodies.includes('m3'))
  assert.deepEqual([...first.recorder.bodies, ...second.recorder.bodies], ['m0', 'm1', 'm2', 'm3'])
})

test('slow answers of the queue manager delay messages and do nothing else', async t => {
  const parts = await threeMessages(t)
  if (parts === null) return
  const { mq, standIn, queue, application, source } = parts
  const address = mq.connection.name!
  for (const verb of ['N', 'O', 'G', 'C']) await standIn.fault({ verb, reason: 0, delayMs: 60, times: 2, address })
  const { recorder } = await reading(t, source)
  await until(async () => (await application.depth(queue)) === 0)
  assert.deepEqual(recorder.bodies, ['m0', 'm1', 'm2'])
})

test('docs/mq.md has every reason code that has a meaning of its own here, with the code it becomes', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/mq.md'), 'utf8')
  const section = page.split('\n## Reason codes\n')[1]!.split('\n## ')[0]!
  const rows = new Map<number, string>()
  for (const [row, reasons] of section.matchAll(/^\| (\d{4}(?:, \d{4}| to \d{4})*) +\|.*$/gm)) {
    for (const reason of reasons!.split(', ')) rows.set(Number(reason), row)
  }
  for (const reason of namedReasons) {
    const row = rows.get(reason)
    assert.ok(row !== undefined, `${reason} is not there`)
    assert.ok(row.includes(`\`${verbError('MQGET', 'Q', reason).code}\``), `${reason}: ${row}`)
  }
})
