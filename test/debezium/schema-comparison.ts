import { isDeepStrictEqual } from 'node:util'
import { withFullNames } from './full-names.ts'

/** The Avro schemas of a topic's keys and values, as JSON text. */
export interface TopicSchemas {
  key: string
  value: string
}

export interface AvroField {
  name: string
  type: unknown
  default?: unknown
}

export interface AvroRecord {
  fields: AvroField[]
}

/**
 * What our Avro schemas have otherwise than those an AvroConverter makes of Debezium's. Left out, on purpose: whether a
 * column is optional and its default, labels of enums, columns that Debezium leaves out, and those `leftOut`.
 */
export function compareSchemas(
  theirs: ReadonlyMap<string, TopicSchemas>,
  ours: ReadonlyMap<string, TopicSchemas>,
  leftOut: (topic: string, column: string) => boolean
): { compared: number; differences: string[] } {
  const differences: string[] = []
  for (const [topic, schemas] of theirs) {
    const own = ours.get(topic)
    const told = (what: string, left: unknown, right: unknown): void => {
      if (isDeepStrictEqual(left, right)) return
      differences.push(`${topic} ${what}\n    Debezium ${JSON.stringify(left)}\n    ours     ${JSON.stringify(right)}`)
    }
    if (own === undefined) {
      differences.push(`${topic} is not ours`)
      continue
    }
    told('key', withFullNames(schemas.key), withFullNames(own.key))
    const [left, right] = [withFullNames(schemas.value) as AvroRecord, withFullNames(own.value) as AvroRecord]
    told('envelope', withoutColumns(left), withoutColumns(right))
    const columns = new Map(columnsOf(right).map(column => [column.name, column]))
    for (const column of columnsOf(left).filter(({ name }) => !leftOut(topic, name)))
      told(`column ${column.name}`, bare(column.type), bare(columns.get(column.name)?.type))
  }
  return { compared: theirs.size, differences }
}

export function columnsOf(envelope: AvroRecord): AvroField[] {
  return ((envelope.fields[0]!.type as unknown[])[1] as AvroRecord).fields
}

export function withoutColumns(envelope: AvroRecord): unknown {
  const copy = structuredClone(envelope)
  columnsOf(copy).length = 0
  return copy
}

/** Without null, default and labels. */
export function bare(type: unknown): unknown {
  const one = Array.isArray(type) ? type.find(branch => branch !== 'null') : type
  if (typeof one !== 'object' || one === null) return one
  const { 'connect.default': _, 'connect.parameters': parameters, ...rest } = one as Record<string, unknown>
  const { allowed: _labels, ...others } = (parameters ?? {}) as Record<string, string>
  const kept = Object.keys(others).length === 0 ? {} : { 'connect.parameters': others }
  if (rest['items'] !== undefined) rest['items'] = bareItems(rest['items'])
  const whole = { ...rest, ...kept }
  return Object.keys(whole).length === 1 && 'type' in whole ? whole.type : whole
}

function bareItems(items: unknown): unknown {
  return Array.isArray(items) ? items.map(branch => (branch === 'null' ? branch : bare(branch))) : bare(items)
}
