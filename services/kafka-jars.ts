import { spawn } from 'node:child_process'
import { accessSync, constants, existsSync, readFileSync, rmSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { adopt, cacheDirectory } from './cache.ts'

const pom = join(import.meta.dirname, 'kafka-jars', 'pom.xml')

/** The version that the pom names. */
export function kafkaVersion(): string {
  const version = /<kafka.version>([^<]+)</.exec(readFileSync(pom, 'utf8'))?.[1]
  if (version === undefined) throw new Error(`${pom} names no kafka.version`)
  return version
}

/** The directory of one Kafka version in the cache. */
export function kafkaDirectory(): string {
  return join(cacheDirectory(), `kafka-${kafkaVersion()}`)
}

function libsDirectory(): string {
  return join(kafkaDirectory(), 'libs')
}

export function areJarsFetched(): boolean {
  return existsSync(libsDirectory())
}

/**
 * The directory of Kafka's jars, fetched by Maven the first time (54 MB).
 * @param say told what takes long, in one line
 */
export async function fetchKafkaJars(say: (line: string) => void): Promise<string> {
  const libs = libsDirectory()
  if (areJarsFetched()) return libs
  say(`fetching Apache Kafka ${kafkaVersion()} with Maven, once (54 MB, about 10 s on a good line)`)
  const begun = performance.now()
  const fresh = `${libs}-${process.pid}`
  try {
    await runMaven([
      ...repositoryArgs(),
      '-q',
      '-B',
      '-f',
      pom,
      'dependency:copy-dependencies',
      `-DoutputDirectory=${fresh}`
    ])
    adopt(fresh, libs)
  } finally {
    rmSync(fresh, { recursive: true, force: true })
  }
  say(`Kafka fetched in ${((performance.now() - begun) / 1000).toFixed(1)} s`)
  return libs
}

/** Maven keeps what it fetched in the account's home; an account in a container may have none. */
function repositoryArgs(): string[] {
  const { homedir } = userInfo()
  try {
    accessSync(homedir, constants.W_OK)
    return []
  } catch {
    return [`-Dmaven.repo.local=${join(cacheDirectory(), 'maven')}`]
  }
}

function runMaven(args: string[]): Promise<void> {
  return new Promise((done, fail) => {
    const maven = spawn('mvn', args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    maven.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
    maven.stderr.setEncoding('utf8').on('data', (text: string) => (output += text))
    maven.once('error', cause => fail(new Error('Kafka needs Java 17 and Maven (mvn) in PATH', { cause })))
    maven.once('exit', code => {
      if (code === 0) done()
      else fail(new Error(`mvn ${args.join(' ')} ended with ${code}\n${output.slice(-4000)}`))
    })
  })
}
