import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { freePorts } from './free-port.ts'
import type { KafkaCluster, KafkaOptions } from './kafka.ts'
import { kafkaVersion } from './kafka-jars.ts'
import { makeScratchDirectory } from './scratch.ts'
import { ServerProcess } from './server-process.ts'

/** The first start fetches the image. */
const startTimeoutMs = 300_000

/**
 * One broker in a container, run in the foreground by the docker command: ended with SIGTERM that stops the container
 * and, with --rm, removes it, so that it ends with this process like any other server here.
 * @param docker the docker command
 */
export async function startContainer(options: KafkaOptions, docker = 'docker'): Promise<KafkaCluster> {
  if ((options.nodes ?? 1) !== 1)
    throw new Error('several Kafka brokers need Java 17 and Maven: a container is one broker')
  const [port = 0] = await freePorts(1)
  const name = `tidemark-kafka-${randomBytes(6).toString('hex')}`
  const address = `127.0.0.1:${port}`
  const variables = Object.entries(variablesOf(address, options)).flatMap(([key, value]) => ['-e', `${key}=${value}`])
  const server = new ServerProcess({
    name: 'Kafka in a container',
    file: docker,
    args: ['run', '--rm', '--name', name, '-p', `${address}:9092`, ...variables, `apache/kafka:${kafkaVersion()}`],
    logFile: join(makeScratchDirectory('kafka'), 'kafka.log'),
    stopSignal: 'SIGTERM'
  })
  await server.untilReady(() => server.log().includes('Kafka Server started'), startTimeoutMs)
  const crash = async (): Promise<void> => {
    spawnSync(docker, ['kill', name], { stdio: 'ignore' })
    await server.stop()
  }
  const node = {
    id: 1,
    address,
    pid: server.pid,
    logFile: server.logFile,
    stop: () => server.stop(),
    crash,
    restart: () =>
      Promise.reject(new Error('a container is removed when it ends: to restart a broker, install Java 17 and Maven'))
  }
  return { brokers: [address], nodes: [node], libs: undefined, stop: crash }
}

/** Variables replace the image's whole default configuration, so all that is needed is named. */
function variablesOf(address: string, options: KafkaOptions): Record<string, string | number | boolean> {
  const properties = {
    'node.id': 1,
    'process.roles': 'broker,controller',
    'controller.quorum.voters': '1@localhost:9093',
    'controller.listener.names': 'CONTROLLER',
    listeners: 'HOST://:9092,INSIDE://:19092,CONTROLLER://:9093',
    'advertised.listeners': `HOST://${address},INSIDE://localhost:19092`,
    'listener.security.protocol.map': 'HOST:PLAINTEXT,INSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'inter.broker.listener.name': 'INSIDE',
    'auto.create.topics.enable': false,
    'offsets.topic.replication.factor': 1,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    'group.initial.rebalance.delay.ms': 0,
    ...options.settings
  }
  const variables = Object.entries(properties).map(([key, value]) => [variableOf(key), value])
  return { KAFKA_HEAP_OPTS: `-Xmx${options.heapMegabytes ?? 512}m`, ...Object.fromEntries(variables) }
}

/** The image's rule: dots become underscores, underscores are doubled, dashes are trebled. */
function variableOf(property: string): string {
  return `KAFKA_${property.replaceAll('_', '__').replaceAll('-', '___').replaceAll('.', '_').toUpperCase()}`
}
