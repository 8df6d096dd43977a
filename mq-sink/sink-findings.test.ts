import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { isTidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { useQueueManager, type TestMq } from '../test/support/mq.ts'
import { askPutter } from './mq-sink.ts'
import { parseSink, type SinkConfiguration } from './sink-configuration.ts'
import { targetFindings } from './sink-findings.ts'
import { putterOptions } from './sink-parts.ts'

const references = { variable: () => undefined, file: () => '' }

function configured({ connection }: TestMq, stateQueue: string, queues: string, channel?: string): SinkConfiguration {
  const { queueManager, name } = connection
  const text = `sink: s
commitStream: c
kafka: {brokers: ['127.0.0.1:1']}
mq:
  queueManager: ${queueManager}
  connection: {channel: ${channel ?? connection.channel}, name: ${name}}
  stateQueue: ${stateQueue}
  queues: ${queues}
`
  const read = parseSink(text, 'sink.yaml', references)
  assert.ok('configuration' in read, JSON.stringify(read))
  return read.configuration
}

/** Severity, code and place of what is found. */
async function found(mq: TestMq, configuration: SinkConfiguration, environment = mq.environment): Promise<string[]> {
  try {
    const looked = await askPutter({ do: 'look', options: putterOptions(configuration) }, 'looked', environment)
    return targetFindings(configuration, looked).map(({ severity, code, place }) => `${severity} ${code} ${place}`)
  } catch (error) {
    return [isTidemarkError(error) ? error.code : String(error)]
  }
}

async function useStandIn(t: TestContext) {
  const mq = await useQueueManager(t)
  if (mq === null || mq.standIn === null) {
    if (mq !== null) t.skip('needs attributes altered')
    return null
  }
  return { mq, standIn: mq.standIn }
}

test('what is wrong with queues is found at once, each with its place', async t => {
  const parts = await useStandIn(t)
  if (parts === null) return
  const { mq, standIn } = parts
  const [state, fine, shut, denied, full] = [
    await mq.queue({ bothresh: 3 }),
    await mq.queue(),
    await mq.queue({ put: false }),
    await mq.queue({ denied: ['*'] }),
    await mq.queue({ maxdepth: 1, maxmsgl: 1000 })
  ]
  const application = await mq.application()
  await application.put(full, [{ body: 'x' }])
  await standIn.set({ maxUncommitted: 100 })
  t.after(() => standIn.set({ maxUncommitted: 10_000 }))
  const queues = [fine, shut, denied, full, 'NOT.THERE'].map((name, index) => `${name}: {topics: [t${index}]}`)
  assert.deepEqual(await found(mq, configured(mq, state, `{${queues.join(', ')}}`)), [
    'warning MQ_QUEUE_UNSUITABLE QM1',
    `warning MQ_STATE_MISSING ${state}`,
    `warning MQ_QUEUE_UNSUITABLE ${state}`,
    `warning MQ_QUEUE_UNSUITABLE ${shut}`,
    `error MQ_AUTHORIZATION queue ${denied}`,
    `warning MQ_QUEUE_UNSUITABLE ${full}`,
    `info MQ_QUEUE_UNSUITABLE ${full}`,
    'error MQ_QUEUE_MISSING queue NOT.THERE'
  ])
})

test('what is wrong with the connection is one error with its code', async t => {
  const parts = await useStandIn(t)
  if (parts === null) return
  const { mq, standIn } = parts
  const [state, queue] = [await mq.queue(), await mq.queue()]
  await standIn.set({ channels: ['APP.SVRCONN'] })
  t.after(() => standIn.set({ channels: null }))
  assert.deepEqual(await found(mq, configured(mq, state, `{${queue}: {}}`, 'OTHER')), ['MQ_CHANNEL_UNSUITABLE'])
  const configuration = configured(mq, state, `{${queue}: {}}`)
  assert.deepEqual(await found(mq, configuration, { ...mq.environment, LD_LIBRARY_PATH: '' }), ['MQ_CLIENT_MISSING'])
  const nowhere = { ...mq.environment, TIDEMARK_MQ_SOCKET: '/nowhere' }
  assert.deepEqual(await found(mq, configuration, nowhere), ['MQ_UNREACHABLE'])
})

test('a state queue that a sink holds, or that holds something else, is told', async t => {
  const parts = await useStandIn(t)
  if (parts === null) return
  const { mq } = parts
  const [state, queue] = [await mq.queue(), await mq.queue()]
  const configuration = configured(mq, state, `{${queue}: {}}`)
  const application = await mq.application()
  await application.put(state, [{ body: '{}' }])
  assert.deepEqual(await found(mq, configuration), [`error MQ_STATE_INVALID queue ${state}`])
  await application.put(state, [{ body: '{}' }])
  assert.deepEqual(await found(mq, configuration), [`error MQ_QUEUE_UNSUITABLE ${state}`])
})
