import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Kafka, logLevel } from 'kafkajs'
import { useKafka } from '../support/kafka.ts'
import { useQueueManager, type GotMessage } from '../support/mq.ts'
import { seededRandom } from '../support/seeded-random.ts'
import { until } from '../support/until.ts'
import { sinkAddress, sinkOn, useQueueSink } from './queue-sink.ts'
import { tidemarkOn, useQueueSubscription } from './queue-subscription.ts'

function group(number: number, size: number): { body: string }[] {
  return Array.from({ length: size }, (_, index) => ({ body: `${number}:${index}/${size}` }))
}

describe('queues, by way of Kafka, back to queues', () => {
  it('checks, applies, and puts groups back whole, with what they carried', async t => {
    const parts = await useQueueSubscription(t, { entry: 'unit: group, key: msgId' })
    if (parts === null) return
    const sink = await useQueueSink(t, {
      ...parts,
      source: `commitStream: ${parts.commitStream}`,
      more: 'transactions: group'
    })
    const agent = tidemarkOn(t, parts, ['run', '--apply'])
    await agent.line(/agent\.owner/)
    const check = sinkOn(t, sink, ['check', '--json'])
    assert.equal((await check.ended).code, 0, check.output)
    assert.match(check.output, /MQ_STATE_MISSING/)
    const unbegun = sinkOn(t, sink, ['run'])
    assert.equal((await unbegun.ended).code, 1, unbegun.output)
    assert.match(unbegun.output, /MQ_STATE_MISSING/)
    const applied = sinkOn(t, sink, ['apply'])
    assert.equal((await applied.ended).code, 0, applied.output)
    const running = sinkOn(t, sink, ['run'])
    await running.line(/sink\.owner/)
    const sent = [group(1, 3), group(2, 1), group(3, 5)]
    const colours = sent.map(list => list.map(message => ({ ...message, properties: { colour: 'blue' } })))
    await parts.application.putGroups(parts.queue, colours)
    const got: GotMessage[] = []
    await until(async () => {
      got.push(...(await parts.application.get(sink.queue, 20)))
      return got.length >= 9
    })
    assert.deepEqual(
      got.map(({ body }) => body),
      sent.flat().map(({ body }) => body)
    )
    assert.deepEqual(
      got.map(({ sequence }) => sequence),
      [1, 2, 3, 1, 1, 2, 3, 4, 5]
    )
    assert.equal(new Set(got.map(({ groupId }) => groupId)).size, 3)
    assert.ok(got.every(({ properties }) => properties['colour'] === 'blue'))
    await running.kill('SIGTERM')
    assert.equal((await running.ended).code, 0, running.output)
    const again = sinkOn(t, sink, ['check', '--json'])
    assert.equal((await again.ended).code, 0, again.output)
    await agent.kill('SIGTERM')
  })

  it('loses nothing and puts nothing twice over kill -9 of the sink and of its connection, at any time', async t => {
    const rounds = Number(process.env['TIDEMARK_MQ_ROUNDS'] ?? '4')
    const { random, seed } = seededRandom()
    t.diagnostic(`seed ${seed}`)
    const parts = await useQueueSubscription(t, { entry: 'unit: group' })
    if (parts?.mq.standIn === null || parts === null) return
    const { standIn } = parts.mq
    const sink = await useQueueSink(t, {
      ...parts,
      source: `commitStream: ${parts.commitStream}`,
      more: 'unitOfWork: {messages: 7}'
    })
    const agent = tidemarkOn(t, parts, ['run', '--apply'])
    await agent.line(/agent\.owner/)
    const expected: string[] = []
    const got: string[] = []
    for (let round = 0; round < rounds; round++) {
      const groups = Array.from({ length: 12 }, (_, index) => group(round * 12 + index, 1 + Math.floor(random() * 5)))
      expected.push(...groups.flat().map(({ body }) => body))
      const kills = random() < 0.5
      const verb = random() < 0.7 ? 'C' : 'P'
      const fault = { address: sinkAddress, verb, skip: Math.floor(random() * (verb === 'C' ? 3 : 15)) }
      if (kills) {
        // A verb that hangs: killed in the midst of a unit of work.
        await standIn.fault({ ...fault, reason: 0, delayMs: 60_000, drop: true })
      } else {
        await standIn.fault({
          ...fault,
          reason: random() < 0.5 ? 2009 : 2549,
          performed: random() < 0.5,
          drop: random() < 0.5
        })
      }
      const running = sinkOn(t, sink, ['run', '--apply'])
      await running.line(/sink\.owner/)
      await parts.application.putGroups(parts.queue, groups)
      if (kills)
        await until(async () => (await standIn.look(sink.stateQueue)).messages.some(({ uncommitted }) => uncommitted))
      await running.kill(kills ? 'SIGKILL' : 'SIGTERM')
      await running.ended
      await standIn.noFaults()
    }
    const last = sinkOn(t, sink, ['run'])
    await until(async () => {
      got.push(...(await parts.application.get(sink.queue, 1_000)).map(({ body }) => body))
      return got.length >= expected.length
    })
    await last.kill('SIGTERM')
    await last.ended
    got.push(...(await parts.application.get(sink.queue, 1_000)).map(({ body }) => body))
    assert.deepEqual(got, expected)
    await agent.kill('SIGTERM')
  })

  it('puts the records of plain topics, each once, over a restart', async t => {
    const mq = await useQueueManager(t)
    if (mq === null) return
    const kafka = await useKafka(t)
    const topic = kafka.topicName('plain')
    const client = new Kafka({ brokers: kafka.brokers, logLevel: logLevel.NOTHING })
    const [admin, producer] = [client.admin(), client.producer()]
    t.after(() => Promise.all([admin.disconnect(), producer.disconnect()]))
    await Promise.all([admin.connect(), producer.connect()])
    await admin.createTopics({ topics: [{ topic, numPartitions: 2, replicationFactor: 1 }] })
    const sink = await useQueueSink(t, { mq, brokers: kafka.brokers, source: `topics: [${topic}]` })
    const application = await mq.application()
    const got: string[] = []
    for (const round of [0, 1]) {
      const values = Array.from({ length: 20 }, (_, index) => String(round * 20 + index))
      await producer.send({ topic, messages: values.map(value => ({ value, partition: Number(value) % 2 })) })
      const running = sinkOn(t, sink, ['run', '--apply'])
      await until(async () => {
        got.push(...(await application.get(sink.queue, 100)).map(({ body }) => body))
        return got.length >= (round + 1) * 20
      })
      await running.kill('SIGTERM')
      assert.equal((await running.ended).code, 0, running.output)
    }
    for (const half of [0, 1]) {
      assert.deepEqual(
        got.map(Number).filter(value => value % 2 === half),
        Array.from({ length: 20 }, (_, index) => index * 2 + half)
      )
    }
  })
})
