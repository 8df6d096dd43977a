import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Clock } from './clock.ts'
import type { ClusterMetadata, TopicAnswer } from './metadata-request.ts'
import { TopicDirectory } from './topic-directory.ts'

function topic(name: string, id: string, partitions = 1): TopicAnswer {
  const partition = { leader: 1, leaderEpoch: 0, replicas: [1], inSync: [1] }
  return { name, id, error: 0, partitions: Array.from({ length: partitions }, () => partition) }
}

function unknown(name: string): TopicAnswer {
  return { name, id: '', error: 3, partitions: [] }
}

/** A directory over answers given in turn (the last one for ever), with the questions it asked. */
function directory(...answers: TopicAnswer[][]) {
  let now = 0
  const questions: string[][] = []
  const clock: Clock = {
    wallMs: () => now,
    steadyMs: () => now,
    random: () => 0.5,
    delay: async ms => void (now += ms)
  }
  const ask = async (topics: readonly string[]): Promise<ClusterMetadata> => {
    questions.push([...topics])
    const topicAnswers = answers.length > 1 ? answers.shift()! : answers[0]!
    return { brokers: new Map(), controller: 1, topics: topicAnswers }
  }
  const signal = new AbortController().signal
  return {
    directory: new TopicDirectory(ask, clock, { settleMs: 5_000, signal }),
    questions,
    pass: (ms: number) => (now += ms)
  }
}

describe('the topic directory', () => {
  test('asks one question for all topics wanted at one moment, and remembers the answer', async () => {
    const { directory: topics, questions } = directory([topic('a', 'ida', 2), topic('b', 'idb')])
    await Promise.all([topics.topic('a'), topics.partition('a', 1), topics.topic('b')])
    assert.equal((await topics.topic('a')).id, 'ida')
    assert.deepEqual(questions, [['a', 'b']])
  })

  test('asks again after a topic was forgotten, or became old', async () => {
    const { directory: topics, questions, pass } = directory([topic('a', 'ida')])
    await topics.topic('a')
    topics.forget('a')
    await topics.topic('a')
    pass(300_001)
    await topics.topic('a')
    assert.equal(questions.length, 3)
  })

  test('waits for a new topic that not every broker knows yet', async () => {
    const { directory: topics } = directory([unknown('a')], [unknown('a')], [topic('a', 'ida')])
    assert.equal((await topics.topic('a')).id, 'ida')
  })

  test('names a topic that stays unknown, and one that may not be seen', async () => {
    await assert.rejects(directory([unknown('a')]).directory.topic('a'), { code: 'TOPIC_MISSING', place: 'a' })
    const hidden = { ...unknown('a'), error: 29 }
    await assert.rejects(directory([hidden]).directory.topic('a'), { code: 'KAFKA_AUTHORIZATION', place: 'topic a' })
  })

  test('names a topic that was deleted and created again', async () => {
    const { directory: topics } = directory([topic('a', 'first')], [topic('a', 'second')])
    await topics.topic('a')
    topics.forget('a')
    await assert.rejects(topics.topic('a'), { code: 'TOPIC_RECREATED' })
  })

  test('finds partitions that were added, and names one that is not there', async () => {
    const { directory: topics } = directory([topic('a', 'ida', 1)], [topic('a', 'ida', 3)])
    await topics.topic('a')
    assert.equal((await topics.partition('a', 2)).leader, 1)
    await assert.rejects(topics.partition('a', 3), { code: 'TOPIC_MISSING', place: 'a/3' })
  })
})
