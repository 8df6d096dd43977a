import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PositionBytes } from '@tidemark/schemas/position.ts'
import { until } from '../../test/support/until.ts'
import { useQueueManager } from '../../test/support/mq.ts'
import { decodePosition, originPosition } from './position.ts'
import { never, numbered, queueOptions, reading, Recorder, sourceOf } from './testing/source-recorder.ts'

test('each message of a queue is a transaction, in order, and leaves the queue when it is settled', async t => {
  const mq = await useQueueManager(t)
  if (mq === null) return
  const queue = await mq.queue()
  const application = await mq.application()
  await application.put(queue, numbered(250))
  const { recorder } = await reading(t, sourceOf(mq, [queueOptions(queue)]))
  await until(async () => (await application.depth(queue)) === 0)
  assert.deepEqual(
    recorder.transactions.map(({ bodies }) => bodies),
    numbered(250).map(({ body }) => [body])
  )
})

test('a group is one transaction, handed over only when all of it is there', async t => {
  const mq = await useQueueManager(t)
  if (mq === null) return
  const queue = await mq.queue()
  const application = await mq.application()
  await application.putGroups(queue, [numbered(3), numbered(2, 3)])
  await application.put(queue, [{ body: 'alone' }])
  const { recorder } = await reading(t, sourceOf(mq, [queueOptions(queue, { unit: 'group' })]))
  await until(async () => (await application.depth(queue)) === 0)
  assert.deepEqual(
    recorder.transactions.map(({ bodies }) => bodies),
    [['m0', 'm1', 'm2'], ['m3', 'm4'], ['alone']]
  )
})

test('a batch takes what is there, up to its limit', async t => {
  const mq = await useQueueManager(t)
  if (mq === null) return
  const queue = await mq.queue()
  const application = await mq.application()
  await application.put(queue, numbered(25))
  const { recorder } = await reading(t, sourceOf(mq, [queueOptions(queue, { unit: 'batch', batchMessages: 10 })]))
  await until(async () => (await application.depth(queue)) === 0)
  assert.deepEqual(
    recorder.transactions.map(({ bodies }) => bodies.length),
    [10, 10, 5]
  )
})

test('what was not settled comes again to the next connection, and what its position names is dropped', async t => {
  const mq = await useQueueManager(t)
  if (mq === null) return
  const queue = await mq.queue()
  const application = await mq.application()
  await application.put(queue, numbered(5))
  const source = sourceOf(mq, [queueOptions(queue)])
  const first = await reading(t, source)
  first.recorder.settling = false
  await until(() => first.recorder.units.length === 1)
  const position = first.recorder.units[0]!
  assert.equal(decodePosition(position).identities.length, 5 * 16)
  await first.connection.close()
  await application.put(queue, numbered(2, 5))
  const second = await reading(t, source, position)
  await until(async () => (await application.depth(queue)) === 0)
  assert.deepEqual(second.recorder.bodies, ['m5', 'm6'])
})

test('descriptor and properties come with the content', async t => {
  const mq = await useQueueManager(t)
  if (mq === null) return
  const queue = await mq.queue()
  const application = await mq.application()
  const descriptor = { CorrelId: 'c0ffee', ReplyToQ: 'REPLY.HERE', Expiry: 6_000, Priority: 4 }
  await application.put(queue, [
    { body: 'with', descriptor, properties: { colour: 'b<l>ue & grün', count: 7, urgent: true } },
    { body: '00ff', hex: true, format: '' }
  ])
  const { recorder } = await reading(t, sourceOf(mq, [queueOptions(queue)]))
  await until(() => recorder.properties.length === 2)
  const [first, second] = recorder.properties
  assert.equal(recorder.bodies[0], 'with')
  assert.equal(first!.get('colour'), 'b<l>ue & grün')
  assert.equal(first!.get('count'), 7)
  assert.equal(first!.get('urgent'), true)
  assert.equal(first!.get('mq.CorrelId'), 'c0ffee'.padEnd(48, '0'))
  assert.equal(first!.get('mq.ReplyToQ'), 'REPLY.HERE')
  assert.equal(first!.get('mq.Format'), 'MQSTR')
  assert.equal(first!.get('mq.Priority'), 4)
  assert.ok((first!.get('mq.Expiry') as number) <= 6_000)
  assert.equal(second!.get('mq.Format'), '')
  assert.match(String(first!.get('mq.PutDate')), /^\d{8}$/)
})

test('a queue that another reader has open is waited for, aloud', async t => {
  const mq = await useQueueManager(t)
  if (mq === null) return
  const queue = await mq.queue()
  const events: string[] = []
  const first = await sourceOf(mq, [queueOptions(queue)]).open(never)
  const waiting = sourceOf(mq, [queueOptions(queue)], { onEvent: event => events.push(event.type) }).open(never)
  await until(() => events.includes('waiting'))
  await first.close()
  await (await waiting).close()
})

test('a message that was backed out too often goes to the backout queue in the same unit of work', async t => {
  const mq = await useQueueManager(t)
  if (mq?.standIn === null || mq === null) return
  const backout = await mq.queue()
  const queue = await mq.queue({ bothresh: 2, boqname: backout })
  const application = await mq.application()
  await application.put(queue, numbered(3))
  const source = sourceOf(mq, [queueOptions(queue)])
  for (let round = 0; round < 2; round++) {
    const { recorder, connection } = await reading(t, source)
    recorder.settling = false
    await until(() => recorder.units.length === 1)
    assert.equal(recorder.bodies.length, round === 0 ? 3 : 1, 'the last try of a message is alone')
    await connection.close()
  }
  const { recorder } = await reading(t, source)
  await until(async () => (await application.depth(queue)) === 0)
  assert.deepEqual(recorder.bodies, ['m1', 'm2'])
  const [moved] = (await mq.standIn.look(backout)).messages
  assert.equal(moved!.body, 'm0')
})

test('without one it goes to the dead-letter queue where that is wanted, behind a header that says why', async t => {
  const mq = await useQueueManager(t)
  if (mq?.standIn === null || mq === null) return
  const deadLetterQueue = await mq.queue()
  await mq.standIn.set({ deadLetterQueue })
  t.after(() => mq.standIn!.set({ deadLetterQueue: '' }))
  const queue = await mq.queue({ bothresh: 1 })
  const application = await mq.application()
  await application.put(queue, [{ body: 'm0', descriptor: { CorrelId: 'c0ffee' }, properties: { colour: 'blue' } }])
  const source = sourceOf(mq, [queueOptions(queue, { deadLetterQueue: true })])
  const first = await reading(t, source)
  first.recorder.settling = false
  await until(() => first.recorder.units.length === 1)
  await first.connection.close()
  const { recorder } = await reading(t, source)
  await until(async () => (await application.depth(queue)) === 0)
  assert.deepEqual(recorder.bodies, [])
  const [moved] = await application.get(deadLetterQueue, 10)
  assert.equal(moved!.format, 'MQDEAD')
  assert.equal(moved!.correlId, 'c0ffee'.padEnd(48, '0'))
  const { body } = moved!
  assert.equal(body.slice(0, 4), 'DLH ')
  assert.equal(Buffer.from(body).readInt32LE(8), 2362)
  assert.equal(body.slice(12, 60).trim(), queue)
  assert.equal(body.slice(60, 108).trim(), mq.connection.queueManager)
  // The properties go along, as an MQRFH2 between header and content.
  assert.match(body, /MQHRF2 .*RFH .*<colour>blue<\/colour>.*m0$/s)
})

test('without a backout queue such a message stops the source by name', async t => {
  const mq = await useQueueManager(t)
  if (mq?.standIn === null || mq === null) return
  const queue = await mq.queue({ bothresh: 1 })
  const application = await mq.application()
  await application.put(queue, numbered(1))
  const source = sourceOf(mq, [queueOptions(queue)])
  const first = await reading(t, source)
  first.recorder.settling = false
  await until(() => first.recorder.units.length === 1)
  await first.connection.close()
  const { end } = await reading(t, source)
  await assert.rejects(end, { code: 'MQ_POISON_MESSAGE' })
})

test('a commit whose answer is lost is in doubt, and nothing of it comes twice or is lost', async t => {
  const mq = await useQueueManager(t)
  if (mq?.standIn === null || mq === null) return
  for (const performed of [true, false]) {
    const queue = await mq.queue()
    const application = await mq.application()
    await application.put(queue, numbered(4))
    const source = sourceOf(mq, [queueOptions(queue)])
    await mq.standIn.fault({ verb: 'C', reason: 2009, performed, drop: true })
    const first = await reading(t, source)
    await assert.rejects(first.end, { code: 'MQ_COMMIT_IN_DOUBT' })
    await first.connection.close()
    const second = await reading(t, source, first.recorder.units[0])
    await application.put(queue, numbered(1, 4))
    await until(() => second.recorder.bodies.includes('m4'))
    assert.deepEqual([...first.recorder.bodies, ...second.recorder.bodies], ['m0', 'm1', 'm2', 'm3', 'm4'])
    await until(async () => (await application.depth(queue)) === 0)
    await second.connection.close()
  }
})

test('gets that are inhibited are waited out on the same connection', async t => {
  const mq = await useQueueManager(t)
  if (mq?.standIn === null || mq === null) return
  const queue = await mq.queue({ get: false })
  const application = await mq.application()
  await application.put(queue, numbered(1))
  const events: string[] = []
  const { recorder } = await reading(
    t,
    sourceOf(mq, [queueOptions(queue)], { onEvent: event => events.push(event.type) })
  )
  await until(() => events.includes('inhibited'))
  await mq.standIn.define(queue, { get: true })
  await until(() => recorder.bodies.length === 1)
})

test('a message larger than the buffer is asked for again; one above the limit is a named error', async t => {
  const mq = await useQueueManager(t)
  if (mq === null) return
  const queue = await mq.queue()
  const application = await mq.application()
  const large = 'x'.repeat(200_000)
  await application.put(queue, [{ body: large }])
  const { recorder, connection } = await reading(t, sourceOf(mq, [queueOptions(queue)]))
  await until(() => recorder.bodies.length === 1)
  assert.equal(recorder.bodies[0], large)
  await until(async () => (await application.depth(queue)) === 0)
  await connection.close()
  await application.put(queue, [{ body: large }])
  const { end } = await reading(t, sourceOf(mq, [queueOptions(queue)], { messageBytesMax: 100_000 }))
  await assert.rejects(end, { code: 'MQ_MESSAGE_TOO_LARGE' })
})

test('a unit of work ends where the queue manager allows no more messages', async t => {
  const mq = await useQueueManager(t)
  if (mq?.standIn === null || mq === null) return
  const queue = await mq.queue()
  const application = await mq.application()
  await application.put(queue, numbered(20))
  await mq.standIn.set({ maxUncommitted: 8 })
  t.after(() => mq.standIn!.set({ maxUncommitted: 10_000 }))
  const { recorder } = await reading(t, sourceOf(mq, [queueOptions(queue)]))
  await until(async () => (await application.depth(queue)) === 0)
  assert.deepEqual(
    recorder.bodies,
    numbered(20).map(({ body }) => body)
  )
  assert.deepEqual(
    recorder.units.map(unit => decodePosition(unit).identities.length / 16),
    [8, 8, 4]
  )
})

test('a group above that limit is read alone, and refused by name when even that does not do', async t => {
  const mq = await useQueueManager(t)
  if (mq?.standIn === null || mq === null) return
  const queue = await mq.queue()
  const application = await mq.application()
  await application.putGroups(queue, [numbered(2), numbered(7, 2)])
  await mq.standIn.set({ maxUncommitted: 8 })
  t.after(() => mq.standIn!.set({ maxUncommitted: 10_000 }))
  const source = sourceOf(mq, [queueOptions(queue, { unit: 'group' })], {
    unitOfWork: { messages: 4, bytes: 1e9, ms: 60_000 }
  })
  const first = await reading(t, source)
  await assert.rejects(first.end, { code: 'MQ_UNIT_BACKED_OUT' })
  await first.connection.close()
  const second = await reading(t, source)
  await until(async () => (await application.depth(queue)) === 0)
  assert.deepEqual(
    second.recorder.transactions.map(({ bodies }) => bodies.length),
    [2, 7]
  )
  await application.putGroups(queue, [numbered(5)])
  await mq.standIn.set({ maxUncommitted: 4 })
  await assert.rejects(second.end, { code: 'MQ_UNIT_TOO_LARGE' })
})

test('messages moved to a backout queue count twice: with less to a unit of work all of them are moved', async t => {
  const mq = await useQueueManager(t)
  if (mq?.standIn === null || mq === null) return
  const backout = await mq.queue()
  const application = await mq.application()
  for (const unit of ['batch', 'group'] as const) {
    const queue = await mq.queue({ bothresh: 1, boqname: backout })
    if (unit === 'group') await application.putGroups(queue, [numbered(2), numbered(3, 2)])
    else await application.put(queue, numbered(5))
    const source = sourceOf(mq, [queueOptions(queue, { unit })])
    const failing = await reading(t, source)
    failing.recorder.settling = false
    await until(() => failing.recorder.units.length > 0)
    await failing.connection.close()
    await mq.standIn.set({ maxUncommitted: 7 })
    const empty = until(async () => (await application.depth(queue)) === 0).then(() => true)
    for (let isEmpty = false; !isEmpty;) {
      const { end, connection } = await reading(t, source)
      const refused = assert.rejects(end, { code: 'MQ_UNIT_BACKED_OUT' }).then(() => false)
      isEmpty = await Promise.race([empty, refused])
      await connection.close()
    }
    await mq.standIn.set({ maxUncommitted: 10_000 })
    assert.deepEqual(
      (await application.get(backout, 10)).map(({ body }) => body),
      numbered(5).map(({ body }) => body)
    )
  }
})

test('a unit of work that is not settled in time is backed out', async t => {
  const mq = await useQueueManager(t)
  if (mq === null) return
  const queue = await mq.queue()
  const application = await mq.application()
  await application.put(queue, numbered(2))
  const { recorder, connection, end } = await reading(t, sourceOf(mq, [queueOptions(queue)], { unitMsMax: 50 }))
  recorder.settling = false
  await assert.rejects(end, { code: 'MQ_UNIT_TOO_SLOW' })
  await connection.close()
  const back = await application.get(queue, 10)
  assert.deepEqual(
    back.map(({ body, backoutCount }) => [body, backoutCount]),
    [
      ['m0', 1],
      ['m1', 1]
    ]
  )
})

test('resting ends the open transaction, settles it and begins no other', async t => {
  const mq = await useQueueManager(t)
  if (mq === null) return
  const queue = await mq.queue()
  const application = await mq.application()
  await application.put(queue, numbered(10))
  const { recorder, connection } = await reading(t, sourceOf(mq, [queueOptions(queue)]))
  await until(() => recorder.bodies.length > 0)
  await connection.rest!()
  await connection.close()
  assert.equal((await application.get(queue, 10)).length, 10 - recorder.bodies.length)
})

test('several queues are read by turns', async t => {
  const mq = await useQueueManager(t)
  if (mq === null) return
  const [one, two] = [await mq.queue(), await mq.queue()]
  const application = await mq.application()
  await application.put(one, numbered(30))
  await application.putGroups(two, [numbered(3, 100)])
  const queues = [queueOptions(one), queueOptions(two, { unit: 'group' })]
  const { recorder } = await reading(t, sourceOf(mq, queues, { unitOfWork: { messages: 10, bytes: 1e9, ms: 1_000 } }))
  await until(async () => (await application.depth(one)) + (await application.depth(two)) === 0)
  const group = recorder.transactions.findIndex(({ bodies }) => bodies.length === 3)
  assert.ok(group > 0 && group < 25, `the second queue came after ${group} transactions`)
})

test('a reader that is killed, while it reads or before, is noticed, and its unit of work comes again', async t => {
  const mq = await useQueueManager(t)
  if (mq === null) return
  const queue = await mq.queue()
  const application = await mq.application()
  await application.put(queue, numbered(3))
  const pids: number[] = []
  const source = sourceOf(mq, [queueOptions(queue)], { onReader: pid => pids.push(pid) })
  const early = await source.open(never)
  process.kill(pids[0]!, 'SIGKILL')
  await until(() => !isAlive(pids[0]!))
  await assert.rejects(early.run(new Recorder(), originPosition), { code: 'MQ_UNREACHABLE' })
  await early.close()
  const first = await reading(t, source)
  first.recorder.settling = false
  await until(() => first.recorder.units.length === 1)
  process.kill(pids[1]!, 'SIGKILL')
  await assert.rejects(first.end, { code: 'MQ_UNREACHABLE' })
  await first.connection.close()
  const second = await reading(t, source)
  await until(async () => (await application.depth(queue)) === 0)
  assert.deepEqual(second.recorder.bodies, ['m0', 'm1', 'm2'])
})

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

test('a queue whose records Kafka does not take is left alone now and then, while the others go on', async t => {
  const mq = await useQueueManager(t)
  if (mq === null) return
  const [stuck, well] = [await mq.queue(), await mq.queue()]
  const application = await mq.application()
  await application.put(stuck, [{ body: 'stuck' }])
  await application.put(well, numbered(20))
  const alone: string[] = []
  const source = sourceOf(mq, [queueOptions(stuck), queueOptions(well)], {
    unitMsMax: 150,
    unitOfWork: { messages: 5, bytes: 1e9, ms: 1_000 },
    onEvent: event => {
      if (event.type === 'left-alone') alone.push(event.queue)
    }
  })
  const named: string[] = []
  let from: PositionBytes = originPosition
  let stuckTaken = false
  /** As an agent does: each interruption is followed by a new connection. */
  const life = async () => {
    const { recorder, connection, end } = await reading(t, source, from)
    recorder.takes = position => {
      if (!stuckTaken && recorder.bodies.includes('stuck')) return false
      named.push(...recorder.bodies)
      recorder.transactions.length = 0
      from = position
      return true
    }
    await Promise.race([end.catch(() => {}), until(async () => (await application.depth(well)) === 0)])
    await connection.close()
  }
  for (let lives = 0; lives < 20 && (await application.depth(well)) > 0; lives++) await life()
  assert.deepEqual(
    named,
    numbered(20).map(({ body }) => body)
  )
  assert.deepEqual([...new Set(alone)], [stuck])
  stuckTaken = true
  const last = await reading(t, source, from)
  await until(async () => (await application.depth(stuck)) === 0)
  assert.deepEqual(last.recorder.bodies, ['stuck'])
})
