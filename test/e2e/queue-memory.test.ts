import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { it } from 'node:test'
import { promisify } from 'node:util'
import type { Child } from '../support/child.ts'
import { until } from '../support/until.ts'
import { tidemarkOn, useQueueSubscription, type QueueSubscription } from './queue-subscription.ts'

/** A million with `npm run queue-memory`; fewer in every test run, but larger ones, so that to keep them would show. */
const messages = Number(process.env['TIDEMARK_QUEUE_MESSAGES'] ?? '12000')
/** The former is what `bytes` is, and a look at it. */
const contents = process.env['TIDEMARK_QUEUE_CONTENT']?.split(',') ?? ['json', 'xml']
/** In what the putter puts. */
const keys: Readonly<Record<string, string>> = { bytes: 'msgId', json: '$.order', xml: '$.m.#mixed[0].order' }
const messageBytes = messages > 100_000 ? 200 : 4_000
const points = 12
const perPoint = Math.ceil(messages / points)
/** Heaps reach their size in the first third; what comes later must stay within so much of it. */
const settledPoints = points / 3
const growthMegabytesMax = 48
const passMsMax = 120_000
/** V8 lets garbage lie while there is room; with little room it is what is kept that shows. */
const heap = { NODE_OPTIONS: '--max-old-space-size=128 --max-semi-space-size=8' }
const putter = join(import.meta.dirname, '../../bench/parts/queue-gets.ts')

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
      sizes.push({ agent: megabytes(agent.pid), reader: megabytes(readerOf(agent.pid)) })
    }
    for (const who of ['agent', 'reader'] as const) {
      const seen = sizes.map(size => size[who])
      t.diagnostic(`${who}, MB after each ${perPoint} messages: ${seen.join(' ')}`)
      const early = Math.max(...seen.slice(0, settledPoints))
      const late = Math.max(...seen.slice(settledPoints))
      assert.ok(late - early < growthMegabytesMax, `the ${who} grew from ${early} to ${late} MB`)
    }
  })
}

async function put({ mq, queue }: QueueSubscription, count: number, content: string): Promise<void> {
  const args = [putter, JSON.stringify(mq.connection), queue, String(count), 'put', String(messageBytes), content]
  const environment = { ...mq.environment, NODE_TEST_CONTEXT: undefined } as NodeJS.ProcessEnv
  await promisify(execFile)(process.execPath, args, { env: environment })
}

async function drained({ mq, queue }: QueueSubscription, agent: Child): Promise<void> {
  await until(async () => (await mq.standIn!.look(queue, 0)).depth === 0, {
    timeoutMs: passMsMax,
    what: () => `the queue to be read; the agent said ${agent.output}`
  })
}

function readerOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ')[0])
}

/** Resident size now (proc(5), VmRSS). */
function megabytes(pid: number): number {
  return Math.round(Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024)
}
