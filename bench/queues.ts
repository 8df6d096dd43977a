// npm run bench:queues [-- <messages> [rounds]]: what the agent carries from a queue to Kafka, against what the client
// package gets from the same queue manager by itself, by turns. Without a queue manager of one's own: the stand-in, which
// answers over a socket. Both are timed from the first fifth of the messages on, when the code is warm.
import { execFile, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { endWithLauncher } from '../services/launcher.ts'
import { startKafka } from '../services/kafka.ts'
import { startQueueManager } from '../services/mq.ts'

const run = promisify(execFile)
const say = (line: string) => process.stdout.write(`${line}\n`)
const [messages, rounds] = [Number(process.argv[2] ?? 60_000), Number(process.argv[3] ?? 3)]
const connection = { queueManager: 'QM1', channel: 'APP.SVRCONN', name: 'stand-in(1414)' }
const queue = 'BENCH'
const tidemark = join(import.meta.dirname, '../capture/bin/tidemark.mjs')
/** Between two looks at the queue's depth. */
const lookMs = 20

endWithLauncher()
const queueManager = await startQueueManager({ say })
const brokers = process.env['TIDEMARK_KAFKA_BROKERS']?.split(',')
const kafka = brokers === undefined ? await startKafka({ say }) : { brokers, stop: async () => {} }
const directory = mkdtempSync(join(tmpdir(), 'tidemark-bench-'))
try {
  await queueManager.define(queue, { maxdepth: messages })
  const ratios: number[] = []
  for (let round = 0; round < rounds; round++) ratios.push(await compare(round))
  const median = ratios.toSorted((one, other) => one - other)[Math.floor(rounds / 2)]!
  say(`median of ${rounds} ratios   ${median.toFixed(2)}`)
} finally {
  rmSync(directory, { recursive: true, force: true })
  await Promise.all([queueManager.stop(), kafka.stop()])
}

async function compare(round: number): Promise<number> {
  await part('put')
  const alone = (JSON.parse(await part('get')) as { perSecond: number }).perSecond
  await part('put')
  const agent = await drainByAgent(round)
  const ratio = agent.perSecond / alone
  say(`the package alone   ${alone} messages/s (GetSync, Cmit each 100)`)
  say(`the agent to Kafka  ${agent.perSecond} messages/s, ${(agent.bytesMax / 1_048_576).toFixed(0)} MB at most`)
  say(`ratio               ${ratio.toFixed(2)}, the machine's load ${loadavg()[0]!.toFixed(1)}`)
  return ratio
}

async function part(what: 'put' | 'get'): Promise<string> {
  const program = join(import.meta.dirname, 'parts/queue-gets.ts')
  const args = [program, JSON.stringify(connection), queue, String(messages), what]
  const { stdout } = await run(process.execPath, args, { env: { ...process.env, ...queueManager.environment } })
  return stdout
}

async function drainByAgent(round: number): Promise<{ perSecond: number; bytesMax: number }> {
  const agent = spawn(process.execPath, [tidemark, 'run', '--apply', '-c', configuration(round)], {
    env: { ...process.env, ...queueManager.environment },
    stdio: ['ignore', 'ignore', 'ignore']
  })
  const ended = new Promise(resolve => agent.once('exit', resolve))
  try {
    await until(depth => depth < messages * 0.8)
    const { depth } = await queueManager.look(queue, 0)
    const begun = performance.now()
    await until(left => left === 0)
    const perSecond = Math.round((depth / (performance.now() - begun)) * 1_000)
    return { perSecond, bytesMax: bytesOf(agent.pid!) }
  } finally {
    agent.kill('SIGTERM')
    await ended
  }
}

function configuration(round: number): string {
  const config = join(directory, 'tidemark.yaml')
  writeFileSync(
    config,
    `subscription: bench${process.pid}.${round}
mq: {queueManager: QM1, connection: {channel: APP.SVRCONN, name: stand-in(1414)}, queues: {${queue}: {}}}
kafka: {brokers: ${JSON.stringify(kafka.brokers)}}
`
  )
  return config
}

async function until(reached: (depth: number) => boolean): Promise<void> {
  while (!reached((await queueManager.look(queue, 0)).depth)) await new Promise(resolve => setTimeout(resolve, lookMs))
}

/** Most memory the process has had (VmHWM). */
function bytesOf(pid: number): number {
  return Number(/VmHWM:\s*(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) * 1_024
}
