import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { adopt, cacheDirectory } from '../../services/cache.ts'
import { freePorts } from '../../services/free-port.ts'
import { makeScratchDirectory } from '../../services/scratch.ts'
import { ServerProcess } from '../../services/server-process.ts'

const pom = join(import.meta.dirname, 'pom.xml')
const startTimeoutMs = 90_000

export function debeziumVersion(): string {
  return /<debezium.version>([^<]+)</.exec(readFileSync(pom, 'utf8'))![1]!
}

/** The directory of Debezium's and Kafka Connect's jars, and of an AvroConverter, fetched by Maven the first time (some 50 MB). */
export function fetchDebezium(say: (line: string) => void): string {
  const libs = join(cacheDirectory(), `debezium-${debeziumVersion()}-avro`)
  if (existsSync(libs)) return libs
  say(`fetching Debezium ${debeziumVersion()} and Kafka Connect with Maven, once`)
  const fresh = `${libs}-${process.pid}`
  const args = ['-q', '-B', '-f', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${fresh}`]
  const { status, stdout, stderr } = spawnSync('mvn', args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`Debezium needs Java 17 and Maven (mvn) in PATH\n${stdout}${stderr}`)
  adopt(fresh, libs)
  return libs
}

/** Compiles the programs of converter/ into a directory of their own. Needs a JDK. */
export function compileConverter(libs: string): string {
  const classes = makeScratchDirectory('converter')
  // Java wants files named after their classes.
  const named = { 'avro-beside-json': 'AvroBesideJson', 'avro-to-json': 'AvroToJson' }
  const sources = Object.entries(named).map(([file, name]) => {
    const source = join(classes, `${name}.java`)
    copyFileSync(join(import.meta.dirname, 'converter', `${file}.java`), source)
    return source
  })
  const { status, stderr } = spawnSync('javac', ['-cp', `${libs}/*`, '-d', classes, ...sources], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`javac of Java 17 must be in PATH\n${stderr}`)
  return classes
}

export interface DebeziumOptions {
  libs: string
  /** Further classes for Connect. */
  classes?: string
  brokers: readonly string[]
  postgresUrl: string
  slot: string
  publication: string
  prefix: string
  /** Further settings of the connector. */
  settings?: Readonly<Record<string, string>>
  /** Further settings of the Connect worker. */
  workerSettings?: Readonly<Record<string, string>>
  /** Default 512. */
  heapMegabytes?: number
}

/** A Debezium with its defaults and JSON without schemas, reading the slot. It ends with this process. */
export async function startDebezium(options: DebeziumOptions): Promise<ServerProcess> {
  const directory = makeScratchDirectory('debezium')
  const worker = join(directory, 'connect.properties')
  const connector = join(directory, 'connector.properties')
  const [port = 0] = await freePorts(1)
  writeFileSync(worker, properties({ ...workerSettings(options, directory, port), ...options.workerSettings }))
  writeFileSync(connector, properties({ ...connectorSettings(options), ...options.settings }))
  const server = new ServerProcess({
    name: 'Debezium',
    file: 'java',
    args: [
      `-Xmx${options.heapMegabytes ?? 512}m`,
      '-cp',
      [`${options.libs}/*`, options.classes ?? []].flat().join(delimiter),
      'org.apache.kafka.connect.cli.ConnectStandalone',
      worker,
      connector
    ],
    logFile: join(directory, 'connect.log'),
    stopSignal: 'SIGKILL'
  })
  await server.untilReady(() => server.log().includes('Starting streaming'), startTimeoutMs)
  return server
}

function workerSettings(options: DebeziumOptions, directory: string, port: number): Record<string, string> {
  const json = 'org.apache.kafka.connect.json.JsonConverter'
  return {
    'bootstrap.servers': options.brokers.join(','),
    'key.converter': json,
    'value.converter': json,
    'key.converter.schemas.enable': 'false',
    'value.converter.schemas.enable': 'false',
    'offset.storage.file.filename': join(directory, 'offsets'),
    listeners: `http://127.0.0.1:${port}`
  }
}

function connectorSettings(options: DebeziumOptions): Record<string, string> {
  const url = new URL(options.postgresUrl)
  return {
    name: 'compared',
    'connector.class': 'io.debezium.connector.postgresql.PostgresConnector',
    'tasks.max': '1',
    'plugin.name': 'pgoutput',
    'slot.name': options.slot,
    'publication.name': options.publication,
    'publication.autocreate.mode': 'disabled',
    'database.hostname': url.hostname,
    'database.port': url.port,
    'database.user': decodeURIComponent(url.username),
    'database.password': decodeURIComponent(url.password),
    'database.dbname': url.pathname.slice(1),
    'topic.prefix': options.prefix,
    'snapshot.mode': 'no_data',
    'provide.transaction.metadata': 'true',
    'topic.creation.default.replication.factor': '1',
    'topic.creation.default.partitions': '1'
  }
}

function properties(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}
