import { it } from 'node:test'
import type { Child } from '../support/child.ts'
import { until } from '../support/until.ts'
import {
  assertSettled,
  childOf,
  heap,
  megabytes,
  messageBytes,
  messages,
  passMsMax,
  perPoint,
  points,
  put
} from './queue-memory.ts'
import { tidemarkOn, useQueueSubscription, type QueueSubscription } from './queue-subscription.ts'

/** The former is what `bytes` is, and a look at it. */
const contents = process.env['TIDEMARK_QUEUE_CONTENT']?.split(',') ?? ['json', 'xml']
/** In what the putter puts. */
const keys: Readonly<Record<string, string>> = { bytes: 'msgId', json: '$.order', xml: '$.m.#mixed[0].order' }

for (const content of contents) {
  it(`reads ${messages} messages (${content}) of ${messageBytes} bytes with agent and reader no larger at the end`, async t => {
    const parts = await useQueueSubscription(t, { entry: `content: ${content}, key: "${keys[content]}"` })
    if (parts?.mq.standIn === null || parts === null) return
    const agent = tidemarkOn(t, parts, ['run', '--apply'], heap)
    await agent.line(/agent\.owner/)
    const sizes: { agent: number; reader: number }[] = []
    for (let point = 0; point < points; point++) {
      await put(parts, perPoint, content)
      await drained(parts, agent)
      sizes.push({ agent: megabytes(agent.pid), reader: megabytes(childOf(agent.pid)) })
    }
    assertSettled(t, sizes)
  })
}

async function drained({ mq, queue }: QueueSubscription, agent: Child): Promise<void> {
  await until(async () => (await mq.standIn!.look(queue, 0)).depth === 0, {
    timeoutMs: passMsMax,
    what: () => `the queue to be read; the agent said ${agent.output}`
  })
}
