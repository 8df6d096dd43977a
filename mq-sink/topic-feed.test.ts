import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Kafka, logLevel } from 'kafkajs'
import { isTidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { useKafka } from '../test/support/kafka.ts'
import type { SinkTransaction } from './feed.ts'
import type { Place } from './sink-state.ts'
import { TopicFeed, topicsPlace } from './topic-feed.ts'
import { clusterLogs } from './topic-logs.ts'

type Offsets = Extract<Place, { offsets: unknown }>['offsets']

test('plain topics: every record of every partition once, in its order, and on from any place', async t => {
  const { brokers, topicName } = await useKafka(t)
  const topic = topicName('plain')
  const kafka = { brokers, clientId: 'test' }
  const client = new Kafka({ brokers, logLevel: logLevel.NOTHING })
  const admin = client.admin()
  const producer = client.producer()
  t.after(() => Promise.all([admin.disconnect(), producer.disconnect()]))
  await admin.connect()
  await admin.createTopics({ topics: [{ topic, numPartitions: 3, replicationFactor: 1 }] })
  await producer.connect()
  const send = (from: number, to: number) =>
    producer.send({
      topic,
      messages: Array.from({ length: to - from }, (_, index) => ({
        partition: (from + index) % 3,
        key: 'k',
        value: String(from + index),
        headers: { colour: 'blue' }
      }))
    })
  await send(0, 30)
  const begin = (await topicsPlace(clusterLogs(kafka), [topic], 'earliest')) as { offsets: Offsets }
  const end = (await topicsPlace(clusterLogs(kafka), [topic], 'latest')) as { offsets: Offsets }
  assert.deepEqual(
    [begin.offsets[topic], end.offsets[topic]],
    [
      [0, 0, 0],
      [10, 10, 10]
    ]
  )
  await send(30, 60)

  const feed = new TopicFeed({ logs: clusterLogs(kafka), topics: [topic], offsets: begin.offsets })
  const places: { place: Place; seen: number }[] = []
  const seen: string[] = []
  while (seen.length < 60) {
    const batch: SinkTransaction = (await feed.next())!
    let previous = null
    for (const record of batch.records() as Iterable<never>) {
      if (previous !== null) places.push({ place: batch.placeAfter(previous), seen: seen.length })
      const { value, headers } = record as { value: Buffer; headers: [string, Buffer][] }
      seen.push(String(value))
      assert.equal(String(headers[0]![1]), 'blue')
      previous = record
    }
    places.push({ place: batch.placeAfter(null), seen: seen.length })
  }
  for (const partition of [0, 1, 2]) {
    const own = seen.map(Number).filter(value => value % 3 === partition)
    assert.deepEqual(
      own,
      [...own].sort((one, other) => one - other)
    )
  }
  assert.equal(new Set(seen).size, 60)
  assert.equal(feed.lag().records, 0)
  await feed.close()
  assert.equal(await feed.next(), null)

  const middle = places[25]!
  const rest = new TopicFeed({
    logs: clusterLogs(kafka),
    topics: [topic],
    offsets: (middle.place as { offsets: Offsets }).offsets
  })
  const again = new Set<string>()
  while (again.size < 60 - middle.seen) {
    for (const { value } of (await rest.next())!.records() as Iterable<{ value: Buffer }>) again.add(String(value))
  }
  assert.deepEqual([...again].sort(), seen.slice(middle.seen).sort())
  await rest.close()

  const lost = new TopicFeed({ logs: clusterLogs(kafka), topics: [topic], offsets: { [topic]: [0, 999, 0] } })
  const failure = await (async () => {
    for (;;) await lost.next()
  })().catch((error: unknown) => error)
  assert.ok(isTidemarkError(failure, 'RECORDS_MISSING'), String(failure))
  await lost.close()
})
