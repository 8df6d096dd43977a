import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { describe, it, type TestContext } from 'node:test'
import { TransactionConsumer, type ConsumedTransaction } from '@tidemark/tcc-consumer'
import { seededRandom } from '../support/seeded-random.ts'
import { until } from '../support/until.ts'
import type { SetAsideEvent } from '../../capture/mq/set-aside-record.ts'
import { tidemarkOn, useQueueSubscription, type QueueSubscription } from './queue-subscription.ts'

async function take(t: TestContext, { brokers, commitStream }: QueueSubscription, count: number) {
  const consumer = new TransactionConsumer({ brokers, commitStream })
  t.after(() => consumer.close())
  const taken: ConsumedTransaction[] = []
  for await (const transaction of consumer) {
    taken.push(transaction)
    if (taken.length >= count) break
  }
  return taken
}

function bodiesOf(transaction: ConsumedTransaction): string[] {
  return transaction.records.map(({ value }) => Buffer.from(value!).toString())
}

/** Number of the line of the configuration that has it. */
function lineOf({ config }: QueueSubscription, text: string): number {
  return (
    1 +
    readFileSync(config, 'utf8')
      .split('\n')
      .findIndex(line => line.includes(text))
  )
}

/** Letters that this test has, in EBCDIC International (CCSID 500). */
function ebcdic(text: string): Buffer {
  const bytes = Buffer.from(' <>/="' + '0123456789' + 'abcdefghi' + 'jklmnopqr' + 'stuvwxyz' + 'G' + 'öß', 'latin1')
  const codes = Buffer.from(
    '404c6e617e7f' +
      'f0f1f2f3f4f5f6f7f8f9' +
      '818283848586878889' +
      '919293949596979899' +
      'a2a3a4a5a6a7a8a9' +
      'c7' +
      'cc59',
    'hex'
  )
  return Buffer.from(Array.from(Buffer.from(text, 'latin1'), byte => codes[bytes.indexOf(byte)]!))
}

function group(number: number, size: number): { body: string }[] {
  return Array.from({ length: size }, (_, index) => ({ body: `${number}:${index}/${size}` }))
}

describe('queues, from the putter to the TCC client', () => {
  it('checks, applies, and gives groups back whole, in the order of the queue, with their headers', async t => {
    const parts = await useQueueSubscription(t, { entry: 'unit: group' })
    if (parts === null) return
    const check = tidemarkOn(t, parts, ['check', '--json'])
    assert.equal((await check.ended).code, 0, check.output)
    const applied = tidemarkOn(t, parts, ['apply', '--yes'])
    assert.equal((await applied.ended).code, 0, applied.output)
    const agent = tidemarkOn(t, parts, ['run'])
    await agent.line(/agent\.owner/)
    await parts.application.putGroups(parts.queue, [group(1, 3), group(2, 1), group(3, 5)])
    const taken = await take(t, parts, 3)
    assert.deepEqual(
      taken.map(bodiesOf),
      [group(1, 3), group(2, 1), group(3, 5)].map(list => list.map(({ body }) => body))
    )
    const [record] = taken[0]!.records
    assert.match(String(record!.key), /^[0-9a-f]{48}$/)
    assert.equal(taken[0]!.sourceId, String(record!.key))
    await agent.kill('SIGTERM')
    assert.equal((await agent.ended).code, 0, agent.output)
    assert.equal(await parts.application.depth(parts.queue), 0)
  })

  it('loses nothing and gives nothing twice over kill -9 of the agent and of its connection, at every place', async t => {
    const rounds = Number(process.env['TIDEMARK_MQ_ROUNDS'] ?? '8')
    const { random, seed } = seededRandom()
    t.diagnostic(`seed ${seed}`)
    const parts = await useQueueSubscription(t, { entry: 'unit: group', more: 'unitOfWork: {messages: 7}' })
    if (parts?.mq.standIn === null || parts === null) return
    const { standIn } = parts.mq
    const points = ['data-stored', 'commit-next', 'commit-stored', 'settle-next']
    const expected: string[][] = []
    const taking = take(t, parts, rounds * 6)
    for (let round = 0; round < rounds; round++) {
      const groups = Array.from({ length: 6 }, (_, index) => group(round * 6 + index, 1 + Math.floor(random() * 5)))
      expected.push(...groups.map(list => list.map(({ body }) => body)))
      const point = points[Math.floor(random() * points.length)]!
      const kills = random() < 0.5
      const agent = tidemarkOn(
        t,
        parts,
        ['run', '--apply'],
        kills ? { TIDEMARK_FAULT_POINT: `${point}:${2 + Math.floor(random() * 3)}` } : {}
      )
      if (!kills) {
        await standIn.fault({
          verb: random() < 0.7 ? 'C' : 'G',
          reason: random() < 0.5 ? 2009 : 2549,
          address: parts.mq.connection.name!,
          performed: random() < 0.5,
          drop: random() < 0.5,
          skip: Math.floor(random() * 2)
        })
      }
      await parts.application.putGroups(parts.queue, groups)
      // The place where it is to die may not be met: then it dies when all is read.
      await until(async () => !agent.alive || (await parts.application.depth(parts.queue)) === 0, {
        what: () => `the queue to be read; the agent said ${agent.output}`
      })
      if (agent.alive) {
        if (random() < 0.3) await standIn.cut(parts.mq.connection.name)
        await agent.kill('SIGKILL')
      }
      await standIn.noFaults()
    }
    const last = tidemarkOn(t, parts, ['run'])
    const taken = await taking
    assert.deepEqual(taken.map(bodiesOf), expected, last.output)
    await until(async () => (await parts.application.depth(parts.queue)) === 0)
    await parts.application.putGroups(parts.queue, [group(-1, 2)])
    const all = await take(t, parts, rounds * 6 + 1)
    assert.deepEqual(bodiesOf(all.at(-1)!), ['-1:0/2', '-1:1/2'], 'nothing came twice after the last')
  })

  it('makes transactions of batches, keyed by a JSON path', async t => {
    const parts = await useQueueSubscription(t, { entry: 'unit: batch, batchMessages: 4, key: $.id' })
    if (parts === null) return
    await parts.application.put(
      parts.queue,
      Array.from({ length: 8 }, (_, id) => ({ body: `{"id":${id}}` }))
    )
    tidemarkOn(t, parts, ['run', '--apply'])
    const taken = await take(t, parts, 2)
    assert.deepEqual(
      taken.map(transaction => transaction.records.map(({ key }) => String(key))),
      [
        ['0', '1', '2', '3'],
        ['4', '5', '6', '7']
      ]
    )
  })

  it('makes JSON of XML, whatever code page it was put in, and sets aside what is none; `read` shows the records', async t => {
    const backout = await useQueueSubscription(t)
    if (backout?.mq.standIn === null || backout === null) return
    const parts = (await useQueueSubscription(t, {
      entry: 'content: xml, repeatedElements: [order/line], key: $.order.@id',
      attributes: { bothresh: 2, boqname: backout.queue }
    }))!
    const order = (id: number) => `<order id="${id}"><line>Größe ${id}</line></order>`
    const put = (text: Buffer, CodedCharSetId: number) => ({
      body: text.toString('hex'),
      hex: true,
      descriptor: { CodedCharSetId }
    })
    await parts.application.put(parts.queue, [
      put(Buffer.from(order(1)), 1208),
      put(Buffer.from(order(2), 'latin1'), 819),
      put(ebcdic(order(3)), 500),
      put(Buffer.from(order(4), 'utf16le').swap16(), 1200),
      { body: '<!DOCTYPE order [<!ENTITY a "b">]><order id="5">&a;</order>' },
      { body: order(6) }
    ])
    const agent = tidemarkOn(t, parts, ['run', '--apply'])
    const taken = await take(t, parts, 5)
    assert.deepEqual(
      taken.flatMap(({ records }) => records.map(({ key, value }) => [String(key), String(value)])),
      [1, 2, 3, 4, 6].map(id => [String(id), `{"order":{"@id":"${id}","line":["Größe ${id}"]}}`]),
      agent.output
    )
    const { messages } = await backout.mq.standIn.look(backout.queue)
    assert.deepEqual(
      messages.map(({ body }) => body.slice(0, 9)),
      ['<!DOCTYPE']
    )
    await agent.kill('SIGTERM')
    const read = tidemarkOn(t, parts, ['read', '--from', 'earliest', '--limit', '5', '--json'])
    assert.equal((await read.ended).code, 0, read.output)
    assert.match(read.output, /Größe 6/)
  })

  it('sets a message aside that its rule cannot carry, and goes on behind it', async t => {
    const mqBackout = await useQueueSubscription(t)
    if (mqBackout?.mq.standIn === null || mqBackout === null) return
    const watch = `${mqBackout.topic}.watch`
    const parts = await useQueueSubscription(t, {
      entry: 'key: $.id',
      more: `monitoringTopic: ${watch}`,
      attributes: { bothresh: 2, boqname: mqBackout.queue }
    })
    await parts!.application.put(parts!.queue, [{ body: '{"id":1}' }, { body: 'no JSON' }, { body: '{"id":2}' }])
    const agent = tidemarkOn(t, parts!, ['run', '--apply'])
    const taken = await take(t, parts!, 3)
    const [told] = taken.filter(({ records }) => records[0]!.topic === watch)
    const others = taken.filter(transaction => transaction !== told)
    assert.deepEqual(others.flatMap(bodiesOf), ['{"id":1}', '{"id":2}'], agent.output)
    const { type, queue, backoutQueue, msgId, backoutCount } = JSON.parse(bodiesOf(told!)[0]!) as SetAsideEvent
    assert.deepEqual([type, queue, backoutQueue, backoutCount], ['set-aside', parts!.queue, mqBackout.queue, 2])
    assert.equal(String(told!.records[0]!.key), msgId)
    await agent.line(/mq\.set-aside/)
    assert.equal((await mqBackout.mq.standIn.look(mqBackout.queue)).messages[0]!.body, 'no JSON')
  })

  it('says what is wrong in one message with its code, its place and its cure', async t => {
    const parts = await useQueueSubscription(t, { entry: 'deadLetterQueue: true' })
    if (parts?.mq.standIn === null || parts === null) return
    const backout = await parts.mq.queue()
    const { standIn } = parts.mq
    const ofConnection = lineOf(parts, 'connection:')
    const ofQueue = lineOf(parts, `${parts.queue}:`)
    const expect = async (code: string, line: number, environment: Record<string, string> = {}) => {
      const check = tidemarkOn(t, parts, ['check', '--json'], environment)
      await check.ended
      const { findings } = JSON.parse(check.output.slice(check.output.indexOf('{'))) as {
        findings: { code: string; severity: string; place: string; remedy: string }[]
      }
      const errors = findings.filter(({ severity }) => severity === 'error')
      assert.equal(errors.length, 1, check.output)
      assert.ok(errors[0]!.remedy.length > 10)
      assert.deepEqual([errors[0]!.code, errors[0]!.place.replace(/^.*yaml:(\d+):\d+$/, '$1')], [code, String(line)])
    }
    await expect('MQ_CLIENT_MISSING', ofConnection, { TIDEMARK_MQ_PACKAGE: '/nowhere' })
    await expect('MQ_CLIENT_MISSING', ofConnection, { LD_LIBRARY_PATH: '/nowhere' })
    await standIn.set({ credentials: { user: 'tidemark', password: 'secret' } })
    await expect('MQ_AUTHORIZATION', ofConnection)
    await standIn.set({ credentials: null })
    await standIn.set({ channels: ['OTHER.SVRCONN'] })
    await expect('MQ_CHANNEL_UNSUITABLE', ofConnection)
    await standIn.set({ channels: null })
    // The queue manager itself is what is opened first, for MQINQ.
    await standIn.fault({ verb: 'O', reason: 2035, address: parts.mq.connection.name! })
    await expect('MQ_AUTHORIZATION', ofConnection)
    await standIn.define(parts.queue, { denied: ['*'] })
    await expect('MQ_AUTHORIZATION', ofQueue)
    await standIn.define(parts.queue, { denied: [], bothresh: 3, boqname: 'NOT.THERE' })
    await expect('MQ_QUEUE_MISSING', ofQueue)
    await standIn.define(parts.queue, { boqname: backout })
    await standIn.define(backout, { denied: ['*'] })
    await expect('MQ_AUTHORIZATION', ofQueue)
    await standIn.define(parts.queue, { boqname: parts.queue })
    await expect('MQ_QUEUE_UNSUITABLE', ofQueue)
    await standIn.define(parts.queue, { boqname: '' })
    await expect('MQ_QUEUE_UNSUITABLE', ofQueue)
    t.after(() => standIn.set({ deadLetterQueue: '' }))
    await standIn.set({ deadLetterQueue: backout })
    await expect('MQ_AUTHORIZATION', ofQueue)
    await standIn.define(backout, { denied: [] })
    const text = readFileSync(parts.config, 'utf8')
    writeFileSync(parts.config, text.replace(`${parts.queue}:`, 'NOT.THERE:'))
    await expect('MQ_QUEUE_MISSING', ofQueue)
  })

  const faults: [what: string, code: string, harm: (parts: QueueSubscription) => Promise<Record<string, string>>][] = [
    ['the client library is missing', 'MQ_CLIENT_MISSING', () => Promise.resolve({ LD_LIBRARY_PATH: '/nowhere' })],
    [
      'the queue is missing',
      'MQ_QUEUE_MISSING',
      parts => {
        const text = readFileSync(parts.config, 'utf8')
        writeFileSync(parts.config, text.replace(`${parts.queue}:`, 'NOT.THERE:'))
        return Promise.resolve({})
      }
    ],
    [
      'the channel is another',
      'MQ_CHANNEL_UNSUITABLE',
      async ({ mq }) => {
        await mq.standIn!.set({ channels: ['OTHER.SVRCONN'] })
        return {}
      }
    ],
    [
      'the user is refused',
      'MQ_AUTHORIZATION',
      async ({ mq }) => {
        await mq.standIn!.set({ credentials: { user: 'other', password: 'secret' } })
        return {}
      }
    ],
    [
      'there is no authority',
      'MQ_AUTHORIZATION',
      async ({ mq, queue }) => {
        await mq.standIn!.define(queue, { denied: ['*'] })
        return {}
      }
    ]
  ]
  for (const [what, code, harm] of faults) {
    it(`ends the agent with one message, its code and its cure, when ${what}`, async t => {
      const parts = await useQueueSubscription(t)
      if (parts?.mq.standIn === null || parts === null) return
      const { standIn } = parts.mq
      t.after(() => standIn.set({ channels: null, credentials: null }))
      const applied = tidemarkOn(t, parts, ['apply', '--yes'])
      assert.equal((await applied.ended).code, 0, applied.output)
      const agent = tidemarkOn(t, parts, ['run'], await harm(parts))
      assert.equal((await agent.ended).code, 1, agent.output)
      const failures = agent.output
        .split('\n')
        .filter(line => line.startsWith('{'))
        .map(line => JSON.parse(line) as { level: string; event: string; place?: string; cure?: string })
        .filter(({ level }) => level !== 'info')
      assert.equal(failures.length, 1, agent.output)
      assert.equal(failures[0]!.event, code, agent.output)
      assert.ok((failures[0]!.cure ?? '').length > 10, agent.output)
      assert.match(failures[0]!.place ?? '', /tidemark\.yaml:\d+:\d+$/, agent.output)
    })
  }

  it('says how it stands before, while and after the agent runs, and what is left when it is retired', async t => {
    const parts = await useQueueSubscription(t, { entry: 'unit: group' })
    if (parts === null) return
    const ask = async (verb: 'status' | 'retire') => {
      const program = tidemarkOn(t, parts, [verb, '--json'])
      const { code } = await program.ended
      const answer = JSON.parse(program.output.slice(program.output.indexOf('{'))) as Record<string, unknown>
      return { code, ...answer, codes: (answer['findings'] as { code: string }[]).map(finding => finding.code) }
    }
    const before: Record<string, unknown> = await ask('status')
    assert.deepEqual([before['code'], before['ok'], before['codes']], [1, false, ['STREAM_EMPTY']])
    await parts.application.putGroups(parts.queue, [group(1, 3)])
    const agent = tidemarkOn(t, parts, ['run', '--apply'])
    await take(t, parts, 1)
    await until(async () => (await parts.application.depth(parts.queue)) === 0)
    const during: Record<string, unknown> = await ask('status')
    assert.deepEqual([during['code'], during['sequence'], during['lagMessages'], during['lagSeconds']], [0, 1, 0, 0])
    assert.deepEqual(during['queues'], [{ name: parts.queue, depth: 0, getInhibited: false, inUse: true }])
    assert.equal(during['position'], 'unit of work 1 (3 messages)')
    assert.deepEqual((await ask('retire')).codes, ['MQ_QUEUE_IN_USE'])
    await agent.kill('SIGTERM')
    await agent.ended
    await parts.application.putGroups(parts.queue, [group(2, 2)])
    const after: Record<string, unknown> = await ask('status')
    assert.deepEqual([after['code'], after['lagMessages']], [0, 2])
    const retired: Record<string, unknown> = await ask('retire')
    assert.deepEqual([retired['code'], retired['left']], [0, [{ queue: parts.queue, messages: 2 }]])
  })
})
