import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { parseJson, type JsonValue } from '@tidemark/schemas/json-text.ts'
import { adopt, cacheDirectory } from '../../services/cache.ts'

/** A record to be read by its own schema or another's. */
export interface Reading {
  writer: string
  reader: string
  bytes: Buffer
}

/** What Avro's Java implementation says of a reading. */
export interface ReadBack {
  /** SchemaCompatibility, of the two schemas alone. */
  isCompatible: boolean
  /** null: it could not be read. */
  record: Record<string, JsonValue> | null
}

/** The directory of Avro's jars, fetched by Maven the first time. */
export function fetchAvro(): string {
  const place = join(cacheDirectory(), 'avro-reference')
  if (existsSync(place)) return place
  const fresh = `${place}-${process.pid}`
  const pom = join(import.meta.dirname, 'pom.xml')
  const args = ['-q', '-B', '-f', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${fresh}`]
  const { status, stdout, stderr } = spawnSync('mvn', args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`Java 17 and Maven (mvn) must be in PATH\n${stdout}${stderr}`)
  adopt(fresh, place)
  return place
}

export function readBack(libs: string, readings: readonly Reading[]): ReadBack[] {
  const base64 = (text: string): string => Buffer.from(text).toString('base64')
  const input = readings.map(({ writer, reader, bytes }) =>
    [base64(writer), base64(reader), bytes.toString('base64')].join('\t')
  )
  const { status, stdout, stderr } = spawnSync(
    'java',
    ['-Dfile.encoding=UTF-8', '-cp', `${libs}/*`, join(import.meta.dirname, 'read-back.java')],
    { input: `${input.join('\n')}\n`, encoding: 'utf8', maxBuffer: 500_000_000 }
  )
  if (status !== 0) throw new Error(`Java ended with ${status}\n${stderr.slice(-4000)}`)
  return stdout
    .trimEnd()
    .split('\n')
    .map(line => {
      const [judged, text] = line.split('\t') as [string, string]
      const record = text === 'unreadable' ? null : (parseJson(text) as Record<string, JsonValue>)
      return { isCompatible: judged === 'true', record }
    })
}
