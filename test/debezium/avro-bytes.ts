import { spawnSync } from 'node:child_process'
import { delimiter } from 'node:path'
import type { Seen } from './envelope-comparison.ts'
import type { Written } from './our-records.ts'

/** A key or value as the converter of Debezium's worker wrote it. */
export interface BothForms {
  /** Avro's schema, and what a JsonConverter writes. */
  schema: string
  avro: Buffer
  json: string
}

/** `schema in base64, tab, Avro in base64, tab, JSON`: converter/avro-beside-json.java. */
export function bothForms(bytes: Buffer | null): BothForms | null {
  if (bytes === null) return null
  const [schema, avro, json] = bytes.toString().split('\t')
  return { schema: Buffer.from(schema!, 'base64').toString(), avro: Buffer.from(avro!, 'base64'), json: json! }
}

export interface AvroDatum {
  schema: string
  bytes: Buffer
}

/** What a sink behind an AvroConverter gets of each datum, as JSON without schemas. */
export function convertedBack(libs: string, classes: string, data: readonly AvroDatum[]): string[] {
  const input = data.map(
    ({ schema, bytes }) => `${Buffer.from(schema).toString('base64')}\t${bytes.toString('base64')}`
  )
  const { status, stdout, stderr } = spawnSync(
    'java',
    ['-Dfile.encoding=UTF-8', '-cp', [`${libs}/*`, classes].join(delimiter), 'AvroToJson'],
    { input: `${input.join('\n')}\n`, encoding: 'utf8', maxBuffer: 500_000_000 }
  )
  if (status !== 0) throw new Error(`Java ended with ${status}\n${stderr.slice(-4000)}`)
  const lines = stdout.split('\n').slice(0, -1)
  if (lines.length !== data.length) throw new Error(`${lines.length} of ${data.length} records came back`)
  return lines
}

/** Our Avro records, brought to what a sink gets; headers hold keys in Avro, and are left out. */
export function asSinksSee(libs: string, classes: string, { records, schemas }: Written): Seen[] {
  const datum = (bytes: Buffer | null): AvroDatum[] => {
    return bytes === null ? [] : [{ schema: schemas[bytes.readInt32BE(1)]!, bytes: bytes.subarray(5) }]
  }
  const texts = convertedBack(
    libs,
    classes,
    records.flatMap(({ key, value }) => [...datum(key), ...datum(value)])
  )
  let next = 0
  const text = (bytes: Buffer | null): string | null => (bytes === null ? null : texts[next++]!)
  return records.map(({ topic, key, value, refused }) => {
    const seen = { topic, key: text(key), value: text(value), headers: {} }
    return refused === undefined ? seen : { ...seen, refused }
  })
}
