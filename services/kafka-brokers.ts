import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePorts } from './free-port.ts'
import type { KafkaCluster, KafkaNode, KafkaOptions } from './kafka.ts'
import { formatStorage, kafkaUuid } from './kafka-storage.ts'
import { makeScratchDirectory } from './scratch.ts'
import { ServerProcess } from './server-process.ts'

interface NodePlan {
  id: number
  brokerPort: number
  controllerPort: number
  directory: string
}

const startTimeoutMs = 90_000

/** Brokers from the jars in `libs`, each a Java process with its own ports and directory; one controller quorum. */
export async function startBrokers(libs: string, options: KafkaOptions): Promise<KafkaCluster> {
  const root = makeScratchDirectory('kafka')
  const plans = await planNodes(root, options.nodes ?? 1)
  const clusterId = kafkaUuid()
  for (const plan of plans) {
    mkdirSync(plan.directory)
    formatStorage(join(plan.directory, 'data'), clusterId, plan.id, libs)
    writeFileSync(join(plan.directory, 'server.properties'), propertiesOf(plan, plans, options))
  }
  const starts = await Promise.allSettled(plans.map(plan => StartedNode.start(plan, libs, options)))
  const nodes = starts.flatMap(start => (start.status === 'fulfilled' ? [start.value] : []))
  const stop = async (): Promise<void> => {
    await Promise.all(nodes.map(node => node.crash()))
    rmSync(root, { recursive: true, force: true })
  }
  const failed = starts.find(start => start.status === 'rejected')
  if (failed) {
    await stop()
    throw failed.reason
  }
  return { brokers: nodes.map(node => node.address), nodes, libs, stop }
}

async function planNodes(root: string, count: number): Promise<NodePlan[]> {
  const ports = await freePorts(count * 2)
  return Array.from({ length: count }, (_, index) => ({
    id: index + 1,
    brokerPort: ports[index * 2] ?? 0,
    controllerPort: ports[index * 2 + 1] ?? 0,
    directory: join(root, `node-${index + 1}`)
  }))
}

class StartedNode implements KafkaNode {
  readonly id: number
  readonly address: string
  readonly #launch: () => Promise<ServerProcess>
  #server: ServerProcess

  private constructor(plan: NodePlan, server: ServerProcess, launch: () => Promise<ServerProcess>) {
    this.id = plan.id
    this.address = `127.0.0.1:${plan.brokerPort}`
    this.#server = server
    this.#launch = launch
  }

  static async start(plan: NodePlan, libs: string, options: KafkaOptions): Promise<StartedNode> {
    const launch = (): Promise<ServerProcess> => launchBroker(plan, libs, options)
    return new StartedNode(plan, await launch(), launch)
  }

  get pid(): number {
    return this.#server.pid
  }

  get logFile(): string {
    return this.#server.logFile
  }

  async stop(): Promise<void> {
    await this.#server.stop()
  }

  async crash(): Promise<void> {
    await this.#server.kill('SIGKILL')
  }

  async restart(): Promise<void> {
    this.#server = await this.#launch()
  }
}

async function launchBroker(plan: NodePlan, libs: string, options: KafkaOptions): Promise<ServerProcess> {
  const server = new ServerProcess({
    name: `Kafka node ${plan.id}`,
    file: 'java',
    args: [
      `-Xmx${options.heapMegabytes ?? 512}m`,
      '-XX:+UseSerialGC',
      '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
      '-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info',
      '-Dorg.slf4j.simpleLogger.showDateTime=true',
      '-cp',
      join(libs, '*'),
      'kafka.Kafka',
      join(plan.directory, 'server.properties')
    ],
    logFile: join(plan.directory, `kafka-${Date.now()}.log`),
    stopSignal: 'SIGTERM',
    orphanSignal: 'SIGKILL'
  })
  await server.untilReady(() => server.log().includes('Kafka Server started'), startTimeoutMs)
  return server
}

function propertiesOf(plan: NodePlan, plans: NodePlan[], options: KafkaOptions): string {
  const copies = Math.min(3, plans.length)
  const enough = Math.min(2, plans.length)
  const properties: Record<string, string | number | boolean> = {
    'process.roles': 'broker,controller',
    'node.id': plan.id,
    'controller.quorum.voters': plans.map(node => `${node.id}@127.0.0.1:${node.controllerPort}`).join(','),
    listeners: `PLAINTEXT://127.0.0.1:${plan.brokerPort},CONTROLLER://127.0.0.1:${plan.controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${plan.brokerPort}`,
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
    'log.dirs': join(plan.directory, 'data'),
    'auto.create.topics.enable': false,
    'default.replication.factor': copies,
    'offsets.topic.num.partitions': 4,
    'offsets.topic.replication.factor': copies,
    'transaction.state.log.num.partitions': 2,
    'transaction.state.log.replication.factor': copies,
    'transaction.state.log.min.isr': enough,
    'share.coordinator.state.topic.replication.factor': copies,
    'share.coordinator.state.topic.min.isr': enough,
    'group.initial.rebalance.delay.ms': 0,
    // A crashed broker is taken for dead after 3 s instead of 9.
    'broker.session.timeout.ms': 3_000,
    'broker.heartbeat.interval.ms': 500,
    // Indexes are preallocated per partition: at the default 10 MB a few hundred test topics fill a small disk.
    'log.index.size.max.bytes': 1_048_576,
    'log.segment.bytes': 67_108_864,
    'log.cleaner.dedupe.buffer.size': 16_777_216,
    ...options.settings
  }
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}
