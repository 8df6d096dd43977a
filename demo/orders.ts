import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { TransactionConsumer } from '@tidemark/tcc-consumer'
import { openApplication, type MqApplication } from '../test/support/mq-application.ts'
import { AgentProcess, runToEnd, sinkProgram } from './agent-process.ts'
import type { Cleanup } from './demonstration.ts'
import { GroupCut, orderBodies, OrderCheck } from './order-checks.ts'
import { connectionText, type OrderQueues } from './order-queues.ts'

export interface OrderFigures {
  /** Put on the queue, each as a message group. */
  put: number
  /** Rebuilt by the consumer. */
  rebuilt: number
  /** Put on the reply queue by the sink, and got from there. */
  replied: number
  restarts: number
  violations: number
}

export interface OrdersParts {
  queues: OrderQueues
  brokers: readonly string[]
  /** Subscription name and topic prefix. */
  name: string
  /** Of configurations. */
  directory: string
  logFile: string
}

const putEveryMs = 200
const ordersAtOnce = 4
const replyEveryMs = 200
const repliesAtOnce = 500
const lastInGroup = 16
const catchUpMs = 30_000

/** A desk that puts orders on a queue, the agent and the sink that carry them, and those who check what comes out. */
export class Orders {
  private readonly parts: OrdersParts
  private readonly cleanups: Cleanup[]
  private readonly agent: AgentProcess
  private readonly sink: AgentProcess
  private readonly rebuilt = new OrderCheck()
  private readonly replied = new OrderCheck()
  private put = 0
  private missing = 0
  private putting = true
  private open = true
  private work: Promise<unknown>[] = []
  /** Rejects when anything of it ends by itself; never resolves. */
  readonly failed: Promise<never>
  private fail: (error: unknown) => void = () => {}

  /** What is opened on the way is added to `cleanups`. */
  constructor(parts: OrdersParts, cleanups: Cleanup[]) {
    this.parts = parts
    this.cleanups = cleanups
    const { environment } = parts.queues
    this.agent = new AgentProcess(writeConfig(parts), parts.logFile, { environment })
    this.sink = new AgentProcess(writeSinkConfig(parts), parts.logFile, { environment, program: sinkProgram })
    this.failed = new Promise((_, reject) => {
      this.fail = reject
    })
    this.failed.catch(() => {})
  }

  /** Applies and starts all of it; resolves when agent and sink own what is theirs. */
  async start(): Promise<void> {
    for (const [program, apply] of [
      [this.agent, ['apply', '--yes']],
      [this.sink, ['apply']]
    ] as const) {
      await runToEnd(program, [...apply])
      program.start()
      this.cleanups.push(() => program.stop())
      program.failed.catch(error => this.fail(error))
    }
    await Promise.all([this.agent.ready(), this.sink.ready()])
    const { connection, environment } = this.parts.queues
    const desk = await openApplication(connection, environment)
    this.cleanups.push(() => desk.kill())
    const receiver = await openApplication(connection, environment)
    this.cleanups.push(() => receiver.kill())
    this.work = [this.keepPutting(desk), this.keepReceiving(receiver), this.keepRebuilding()]
    for (const task of this.work) task.catch((error: unknown) => this.fail(error))
    // Before the applications are ended: whoever was interrupted is in the midst of it.
    this.cleanups.push(() => this.rest())
  }

  /** kill -9 of the agent, or of the sink. */
  kill(random: () => number): void {
    if (random() < 0.5) this.agent.kill()
    else this.sink.kill()
  }

  /** No more orders; resolves when all of them have come back, or it takes too long. */
  async finish(): Promise<void> {
    this.putting = false
    const deadline = performance.now() + catchUpMs
    await this.work[0]
    while (this.behind > 0 && performance.now() < deadline) await pause(50)
    this.missing = this.behind
    this.open = false
  }

  /** Ends putting and receiving, whatever is under way. */
  private async rest(): Promise<void> {
    this.putting = this.open = false
    await Promise.allSettled(this.work.slice(0, 2))
  }

  get figures(): OrderFigures {
    const { rebuilt, replied, agent, sink } = this
    return {
      put: this.put,
      rebuilt: rebuilt.whole,
      replied: replied.whole,
      restarts: agent.restarts + sink.restarts,
      violations: rebuilt.violations + replied.violations + this.missing
    }
  }

  private get behind(): number {
    return Math.max(0, this.put - Math.min(this.rebuilt.whole, this.replied.whole))
  }

  private async keepPutting(desk: MqApplication): Promise<void> {
    while (this.putting) {
      const groups = Array.from({ length: ordersAtOnce }, (_, index) => orderBodies(this.put + index + 1, Math.random))
      await desk.putGroups(
        this.parts.queues.orders,
        groups.map(bodies => bodies.map(body => ({ body })))
      )
      this.put += groups.length
      await pause(putEveryMs)
    }
  }

  private async keepRebuilding(): Promise<void> {
    const { brokers, name } = this.parts
    const consumer = new TransactionConsumer({ brokers: [...brokers], commitStream: `${name}.commits` })
    this.cleanups.push(() => consumer.close())
    for await (const { records } of consumer) this.rebuilt.see(records.map(({ value }) => String(value)))
  }

  private async keepReceiving(receiver: MqApplication): Promise<void> {
    const cut = new GroupCut(bodies => this.replied.see(bodies))
    while (this.open) {
      const got = await receiver.get(this.parts.queues.replies, repliesAtOnce)
      for (const { groupId, body, flags } of got) cut.message(groupId, body, (flags & lastInGroup) !== 0)
      await pause(replyEveryMs)
    }
  }
}

function writeConfig({ queues, brokers, name, directory }: OrdersParts): string {
  const file = join(directory, 'orders.yaml')
  const text = `subscription: ${name}
mq:
${connectionText(queues)}  queues:
    ${queues.orders}: {topic: ${name}.orders, unit: group}
kafka: {brokers: ${JSON.stringify(brokers)}}
topics: {partitions: 4, replication: 1}
`
  writeFileSync(file, text)
  return file
}

function writeSinkConfig({ queues, brokers, name, directory }: OrdersParts): string {
  const file = join(directory, 'sink.yaml')
  const text = `sink: ${name}-back
commitStream: ${name}.commits
mq:
${connectionText(queues)}  stateQueue: ${queues.state}
  transactions: group
  queues:
    ${queues.replies}: {}
kafka: {brokers: ${JSON.stringify(brokers)}}
`
  writeFileSync(file, text)
  return file
}
