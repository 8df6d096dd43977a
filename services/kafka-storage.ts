import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { copyFileSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { kafkaDirectory } from './kafka-jars.ts'
import { makeScratchDirectory } from './scratch.ts'

/** A Kafka Uuid: 16 bytes in URL-safe base64, never beginning with a dash (org.apache.kafka.common.Uuid). */
export function kafkaUuid(): string {
  for (;;) {
    const text = randomBytes(16).toString('base64url')
    if (!text.startsWith('-')) return text
  }
}

/**
 * Formats a log directory without the second a JVM takes: `meta.properties` is written here, and
 * `bootstrap.checkpoint`, which names only feature levels and so is the same for all nodes, comes from one real run
 * of StorageTool, kept in the cache.
 */
export function formatStorage(logDirectory: string, clusterId: string, nodeId: number, libs: string): void {
  mkdirSync(logDirectory, { recursive: true })
  copyFileSync(bootstrapCheckpoint(libs), join(logDirectory, 'bootstrap.checkpoint'))
  const lines = ['version=1', `cluster.id=${clusterId}`, `node.id=${nodeId}`, `directory.id=${kafkaUuid()}`]
  writeFileSync(join(logDirectory, 'meta.properties'), `${lines.join('\n')}\n`)
}

function bootstrapCheckpoint(libs: string): string {
  const kept = join(kafkaDirectory(), 'bootstrap.checkpoint')
  if (!existsSync(kept)) makeCheckpoint(libs, kept)
  return kept
}

function makeCheckpoint(libs: string, kept: string): void {
  const directory = makeScratchDirectory('kafka-format')
  const properties = join(directory, 'server.properties')
  const data = join(directory, 'data')
  const lines = [
    'process.roles=broker,controller',
    'node.id=1',
    'controller.quorum.voters=1@127.0.0.1:9093',
    'listeners=PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093',
    'controller.listener.names=CONTROLLER',
    `log.dirs=${data}`
  ]
  writeFileSync(properties, `${lines.join('\n')}\n`)
  const args = ['-cp', join(libs, '*'), 'kafka.tools.StorageTool', 'format', '-t', kafkaUuid(), '-c', properties]
  execFileSync('java', args, { stdio: 'pipe' })
  const fresh = `${kept}-${process.pid}`
  copyFileSync(join(data, 'bootstrap.checkpoint'), fresh)
  renameSync(fresh, kept)
  rmSync(directory, { recursive: true })
}
