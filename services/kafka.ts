import { spawnSync } from 'node:child_process'
import { startBrokers } from './kafka-brokers.ts'
import { startContainer } from './kafka-container.ts'
import { areJarsFetched, fetchKafkaJars } from './kafka-jars.ts'

export interface KafkaOptions {
  /** Brokers, each also a controller of the quorum. Default 1. */
  nodes?: number
  /** Maximal heap of each broker. Default 512. */
  heapMegabytes?: number
  /** Further broker settings, such as { 'message.max.bytes': 2_000_000 }. */
  settings?: Record<string, string | number | boolean>
  /** Told what takes long, in one line. Default: nothing is said. */
  say?: (line: string) => void
}

export interface KafkaNode {
  id: number
  /** host:port for clients. */
  address: string
  pid: number
  logFile: string
  /** Clean stop: leadership moves first. */
  stop(): Promise<void>
  /** kill -9. */
  crash(): Promise<void>
  /** Starts it again on the same port and data. */
  restart(): Promise<void>
}

export interface KafkaCluster {
  brokers: string[]
  nodes: KafkaNode[]
  /**
   * Directory of Kafka's jars, for its own tools: java -cp `<libs>/*` org.apache.kafka.tools.TopicCommand.
   * Undefined when the broker runs in a container.
   */
  libs: string | undefined
  /** Ends every broker at once and removes its data. */
  stop(): Promise<void>
}

const attempts = 3
const javaVersionMin = 17

/**
 * Starts real Apache Kafka brokers (KRaft) on free ports of 127.0.0.1, with data in this process's scratch directory.
 * Topics are never created by the way. They end with this process.
 * Needs Java 17, and Maven the first time; without them one broker runs in a Docker container.
 */
export async function startKafka(options: KafkaOptions = {}): Promise<KafkaCluster> {
  const start = await starterFor(options)
  for (let attempt = 1; ; attempt++) {
    try {
      return await start()
    } catch (error) {
      const portTaken =
        error instanceof Error && /address already in use|port is already allocated/i.test(error.message)
      if (!portTaken || attempt === attempts) throw error
    }
  }
}

async function starterFor(options: KafkaOptions): Promise<() => Promise<KafkaCluster>> {
  const say = options.say ?? (() => {})
  if (javaVersion() >= javaVersionMin && (areJarsFetched() || answers('mvn', ['--version']))) {
    const libs = await fetchKafkaJars(say)
    return () => startBrokers(libs, options)
  }
  if (answers('docker', ['info'])) {
    say('no Java 17 with Maven here: running Kafka in a Docker container')
    return () => startContainer(options)
  }
  throw new Error(
    'Kafka needs Java 17 or newer and Maven (mvn), or a running Docker; or name brokers by TIDEMARK_KAFKA_BROKERS=host:port'
  )
}

/** The major version of `java` in PATH; 0 when there is none. */
function javaVersion(): number {
  const { stderr } = spawnSync('java', ['-version'], { encoding: 'utf8' })
  return Number(/version "(\d+)/.exec(stderr ?? '')?.[1] ?? 0)
}

function answers(command: string, args: string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore', timeout: 20_000 }).status === 0
}
