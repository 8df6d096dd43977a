// npm run bench:queues [-- <messages>]: what the agent carries from a queue to Kafka, against what the client package gets
// from the same queue manager by itself. Without a queue manager of one's own: the stand-in, which answers over a socket.
import { execFile, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { endWithLauncher } from '../services/launcher.ts'
import { startKafka } from '../services/kafka.ts'
import { startQueueManager, type QueueManager } from '../services/mq.ts'

const run = promisify(execFile)
const say = (line: string) => process.stdout.write(`${line}\n`)
const messages = Number(process.argv[2] ?? 50_000)
const connection = { queueManager: 'QM1', channel: 'APP.SVRCONN', name: 'stand-in(1414)' }
const tidemark = join(import.meta.dirname, '../capture/bin/tidemark.mjs')
/** Between two looks at the queue's depth. */
const lookMs = 20

endWithLauncher()
const queueManager = await startQueueManager({ say })
const brokers = process.env['TIDEMARK_KAFKA_BROKERS']?.split(',')
const kafka = brokers === undefined ? await startKafka({ say }) : { brokers, stop: async () => {} }
const directory = mkdtempSync(join(tmpdir(), 'tidemark-bench-'))
try {
  await queueManager.define('BENCH', {})
  const alone = await drainByPackage()
  const agent = await drainByAgent()
  const ratio = agent.perSecond / alone.perSecond
  say(`the package alone   ${alone.perSecond} messages/s (GetSync, Cmit each 100)`)
  say(`the agent to Kafka  ${agent.perSecond} messages/s, ${(agent.bytesMax / 1_048_576).toFixed(0)} MB at most`)
  say(`ratio               ${ratio.toFixed(2)}`)
} finally {
  rmSync(directory, { recursive: true, force: true })
  await Promise.all([queueManager.stop(), kafka.stop()])
}

async function part(what: 'put' | 'get'): Promise<{ perSecond: number }> {
  const program = join(import.meta.dirname, 'parts/queue-gets.ts')
  const args = [program, JSON.stringify(connection), 'BENCH', String(messages), what]
  const { stdout } = await run(process.execPath, args, { env: { ...process.env, ...queueManager.environment } })
  return JSON.parse(stdout) as { perSecond: number }
}

async function drainByPackage(): Promise<{ perSecond: number }> {
  await part('put')
  return part('get')
}

/** From the first message gone to the last. */
async function drainByAgent(): Promise<{ perSecond: number; bytesMax: number }> {
  await part('put')
  const config = join(directory, 'tidemark.yaml')
  writeFileSync(
    config,
    `subscription: bench${process.pid}
mq: {queueManager: QM1, connection: {channel: APP.SVRCONN, name: stand-in(1414)}, queues: {BENCH: {}}}
kafka: {brokers: ${JSON.stringify(kafka.brokers)}}
`
  )
  const agent = spawn(process.execPath, [tidemark, 'run', '--apply', '-c', config], {
    env: { ...process.env, ...queueManager.environment },
    stdio: ['ignore', 'ignore', 'inherit']
  })
  const ended = new Promise(resolve => agent.once('exit', resolve))
  try {
    await until(queueManager, depth => depth < messages)
    const { depth } = await queueManager.look('BENCH', 0)
    const begun = performance.now()
    await until(queueManager, left => left === 0)
    const perSecond = Math.round((depth / (performance.now() - begun)) * 1_000)
    return { perSecond, bytesMax: await bytesOf(agent.pid!) }
  } finally {
    agent.kill('SIGTERM')
    await ended
  }
}

async function until(manager: QueueManager, reached: (depth: number) => boolean): Promise<void> {
  while (!reached((await manager.look('BENCH', 0)).depth)) await new Promise(resolve => setTimeout(resolve, lookMs))
}

/** Most memory the process has had (VmHWM). */
async function bytesOf(pid: number): Promise<number> {
  const { stdout } = await run('sh', ['-c', `grep VmHWM /proc/${pid}/status`])
  return Number(/\d+/.exec(stdout)![0]) * 1_024
}
