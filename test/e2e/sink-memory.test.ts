import assert from 'node:assert/strict'
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
import { sinkOn, useQueueSink, type QueueSink } from './queue-sink.ts'
import { tidemarkOn, useQueueSubscription } from './queue-subscription.ts'

it(`puts ${messages} messages of ${messageBytes} bytes back with sink and putter no larger at the end`, async t => {
  const parts = await useQueueSubscription(t)
  if (parts?.mq.standIn === null || parts === null) return
  const back = await useQueueSink(t, { ...parts, source: `commitStream: ${parts.commitStream}` })
  const agent = tidemarkOn(t, parts, ['run', '--apply'], heap)
  await agent.line(/agent\.owner/)
  const sink = sinkOn(t, back, ['run', '--apply'], heap)
  await sink.line(/sink\.owner/)
  const sizes: { sink: number; putter: number }[] = []
  for (let point = 0; point < points; point++) {
    await put(parts, perPoint, 'bytes')
    await putBack(back, sink)
    sizes.push({ sink: megabytes(sink.pid), putter: megabytes(childOf(sink.pid)) })
  }
  assertSettled(t, sizes)
})

/** All of them, and nothing more: then the queue is emptied, for the stand-in holds its messages in memory. */
async function putBack({ mq, queue }: QueueSink, sink: Child): Promise<void> {
  let depth = 0
  await until(async () => (depth = (await mq.standIn!.look(queue, 0)).depth) >= perPoint, {
    timeoutMs: passMsMax,
    what: () => `${perPoint} messages to be put back, not ${depth}; the sink said ${sink.output}`
  })
  await until(async () => (await mq.standIn!.look(queue)).messages.every(({ uncommitted }) => !uncommitted))
  assert.equal((await mq.standIn!.look(queue, 0)).depth, perPoint)
  await mq.standIn!.clear(queue)
}
