import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { useCluster } from '../support/kafka-cluster.ts'
import { tidemarkOn, useQueueSubscription, type QueueSubscription } from './queue-subscription.ts'

interface Line {
  type: string
  messages?: number
  on?: string
  records?: { topic: string; key: unknown; value: unknown; headers: Record<string, unknown> }[]
  findings?: { code: string; severity: string; what: string }[]
  parked?: unknown[]
}

async function previewed(t: TestContext, parts: QueueSubscription, ...args: string[]) {
  const command = tidemarkOn(t, parts, ['preview', '--json', ...args])
  const { code } = await command.ended
  const lines = command.output
    .split('\n')
    .filter(line => line.startsWith('{'))
    .map(line => JSON.parse(line) as Line)
  const records = lines.filter(({ type }) => type === 'operation').map(({ records }) => records!)
  return { code, lines, records, findings: lines.at(-1)?.findings ?? [], output: command.output }
}

const orders = [1, 2, 3, 4, 5].map(number => ({ body: JSON.stringify({ order: { id: number } }), format: 'MQSTR   ' }))

test('messages of a queue are shown as the records they would become, and stay there', async t => {
  const parts = await useQueueSubscription(t, { entry: 'key: $.order.id' })
  if (parts === null) return
  const empty = await previewed(t, parts)
  assert.deepEqual([empty.code, empty.lines[0]], [0, { type: 'queue', queue: parts.queue, messages: 0 }], empty.output)
  await parts.application.put(parts.queue, orders)
  const { code, lines, records, output } = await previewed(t, parts)
  assert.equal(code, 0, output)
  assert.deepEqual(lines[0], { type: 'queue', queue: parts.queue, messages: 3 })
  assert.deepEqual(
    records.map(([record]) => [record!.topic, record!.key, JSON.stringify(record!.value)]),
    [1, 2, 3].map(number => [parts.topic, String(number), orders[number - 1]!.body])
  )
  const all = await previewed(t, parts, parts.queue, '--rows', '10')
  assert.equal(all.records.length, 5)
  assert.equal(await parts.application.depth(parts.queue), 5)
  const got = await parts.application.get(parts.queue, 5)
  assert.deepEqual(
    got.map(({ body, backoutCount }) => [body, backoutCount]),
    orders.map(({ body }) => [body, 0])
  )
  const topics = await (await useCluster(t)).admin.listTopics()
  assert.deepEqual(
    topics.filter(topic => topic.startsWith(parts.topic)),
    []
  )
})

test('a message larger than the first buffer is shown whole, one the agent cannot carry is told', async t => {
  const parts = await useQueueSubscription(t, { more: 'messageBytesMax: 200000', entry: 'onFailure: park, key: $.id' })
  if (parts === null) return
  const bodies = [JSON.stringify({ id: 1 }), JSON.stringify({ id: 2, long: 'x'.repeat(150_000) }), 'no JSON']
  await parts.application.put(
    parts.queue,
    bodies.map(body => ({ body }))
  )
  const { records, lines } = await previewed(t, parts)
  const values = records.map(([record]) => JSON.stringify(record!.value))
  assert.ok(
    values[0] === bodies[0] && values[1] === bodies[1],
    `values of ${values.map(({ length }) => length).join(', ')}`
  )
  assert.equal(lines.filter(({ parked = [] }) => parked.length > 0).length, 1)
  await parts.application.put(parts.queue, [{ body: 'x'.repeat(400_000) }])
  const tooLarge = await previewed(t, parts, '--rows', '5')
  assert.deepEqual([tooLarge.code, tooLarge.records.length], [1, 3])
  assert.equal(tooLarge.findings[0]?.code, 'MQ_MESSAGE_TOO_LARGE')
  assert.equal(await parts.application.depth(parts.queue), 4)
})

test('groups are shown whole while an agent has the queue to itself; one it still waits for is told', async t => {
  const parts = await useQueueSubscription(t, { entry: 'unit: group' })
  if (parts === null) return
  await parts.application.putGroups(parts.queue, [[{ body: 'a1' }, { body: 'a2' }], [{ body: 'b1' }]])
  const before = await previewed(t, parts, '--rows', '10')
  assert.deepEqual(
    before.lines
      .filter(({ type }) => type === 'transaction' || type === 'operation')
      .map(({ type, records }) => records?.[0]?.value ?? type),
    ['transaction', 'a1', 'a2', 'transaction', 'b1']
  )
  const applied = tidemarkOn(t, parts, ['apply', '--yes'])
  assert.equal((await applied.ended).code, 0, applied.output)
  const agent = tidemarkOn(t, parts, ['run'])
  await agent.line(/agent\.owner/)
  const descriptor = { GroupId: '11'.repeat(24), MsgFlags: 8, MsgSeqNumber: 1 }
  await parts.application.put(parts.queue, [{ body: 'c1', descriptor }])
  const during = await previewed(t, parts, '--rows', '10')
  const waiting = during.findings.find(({ what }) => what.includes('not whole'))
  assert.deepEqual([during.code, waiting?.severity], [0, 'info'], during.output)
  assert.ok(agent.alive)
})

test('what cannot be previewed of queues is refused with its cure', async t => {
  const parts = await useQueueSubscription(t)
  if (parts === null) return
  for (const [args, code, cure] of [
    [['--live'], 'NOT_AVAILABLE', /leave out --live/],
    [['--record', 'x'], 'NOT_AVAILABLE', /leave out --record/],
    [['NO.SUCH'], 'USAGE', new RegExp(`name one of: ${parts.queue.replaceAll('.', '\\.')}`)]
  ] as const) {
    const command = tidemarkOn(t, parts, ['preview', ...args])
    assert.notEqual((await command.ended).code, 0)
    assert.match(command.output, new RegExp(`^${code}`, 'm'))
    assert.match(command.output, cure)
  }
})
