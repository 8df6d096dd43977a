import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { promisify } from 'node:util'
import type { QueueSubscription } from './queue-subscription.ts'

/** A million with `npm run queue-memory`; fewer in every test run, but larger ones, so that to keep them would show. */
export const messages = Number(process.env['TIDEMARK_QUEUE_MESSAGES'] ?? '12000')
export const messageBytes = messages > 100_000 ? 200 : 4_000
export const points = 12
export const perPoint = Math.ceil(messages / points)
export const passMsMax = 300_000
/** V8 lets garbage lie while there is room; with little room it is what is kept that shows. */
export const heap = { NODE_OPTIONS: '--max-old-space-size=128 --max-semi-space-size=8' }
/** Heaps reach their size in the first third; what comes later must stay within so much of it. */
const settledPoints = points / 3
const growthMegabytesMax = 48
const putter = join(import.meta.dirname, '../../bench/parts/queue-gets.ts')

/** What an application puts. */
export async function put({ mq, queue }: QueueSubscription, count: number, content: string): Promise<void> {
  const args = [putter, JSON.stringify(mq.connection), queue, String(count), 'put', String(messageBytes), content]
  const environment = { ...mq.environment, NODE_TEST_CONTEXT: undefined } as NodeJS.ProcessEnv
  await promisify(execFile)(process.execPath, args, { env: environment })
}

/** `sizes`: of each process by its name, in MB, at each point. */
export function assertSettled(t: TestContext, sizes: readonly Readonly<Record<string, number>>[]): void {
  for (const who of Object.keys(sizes[0]!)) {
    const seen = sizes.map(size => size[who]!)
    t.diagnostic(`${who}, MB after each ${perPoint} messages: ${seen.join(' ')}`)
    const early = Math.max(...seen.slice(0, settledPoints))
    const late = Math.max(...seen.slice(settledPoints))
    assert.ok(late - early < growthMegabytesMax, `the ${who} grew from ${early} to ${late} MB`)
  }
}

/** The process that it started. */
export function childOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ')[0])
}

/** Resident size now (proc(5), VmRSS). */
export function megabytes(pid: number): number {
  return Math.round(Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024)
}
