import { parseJson, type JsonValue } from '@tidemark/schemas/json-text.ts'
import type { TypeTable } from './work.ts'

/** A record as a consumer sees it; `refused`: the error's code, where a producer stops instead of writing it. */
export interface Seen {
  /** Without the prefix. */
  topic: string
  key: string | null
  value: string | null
  headers: Readonly<Record<string, string | null>>
  refused?: string
}

export interface Difference {
  topic: string
  /** Type of the column `v`, where the table is one of a type's. */
  type: string
  path: string
  debezium: string
  ours: string
}

/** Something that is otherwise on purpose. */
export interface DeliberateDifference {
  what: string
  covers(difference: Difference): boolean
}

export interface Comparison {
  records: number
  fields: number
  /** By what it is, how often. */
  deliberate: Map<string, number>
  others: Difference[]
}

const absent = '(absent)'

/** Compares topic by topic, record by record, field by field. */
export function compare(
  debezium: readonly Seen[],
  ours: readonly Seen[],
  tables: readonly TypeTable[],
  deliberate: readonly DeliberateDifference[]
): Comparison {
  const types = new Map(tables.map(({ name, type }) => [`public.${name}`, type]))
  const comparison: Comparison = { records: 0, fields: 0, deliberate: new Map(), others: [] }
  for (const topic of new Set([...debezium, ...ours].map(record => record.topic))) {
    const [theirs, own] = [debezium, ours].map(records => records.filter(record => record.topic === topic))
    for (let index = 0; index < Math.max(theirs!.length, own!.length); index++) {
      comparison.records++
      const [left, right] = [fieldsOf(theirs![index]), fieldsOf(own![index])]
      const paths = new Set([...left.keys(), ...right.keys()])
      comparison.fields += paths.size
      for (const path of paths) {
        const [a, b] = [left.get(path) ?? absent, right.get(path) ?? absent]
        if (a === b) continue
        const difference = { topic, type: types.get(topic) ?? '', path, debezium: a, ours: b }
        const known = deliberate.find(entry => entry.covers(difference))
        if (known === undefined) comparison.others.push(difference)
        else comparison.deliberate.set(known.what, (comparison.deliberate.get(known.what) ?? 0) + 1)
      }
    }
  }
  return comparison
}

/** Every leaf by its path. Columns stay whole: `after.v`. */
function fieldsOf(record: Seen | undefined): Map<string, string> {
  const fields = new Map<string, string>()
  if (record === undefined) return fields
  if (record.refused !== undefined) return fields.set('refused', record.refused)
  fields.set('key', record.key ?? 'null')
  for (const [name, value] of Object.entries(record.headers)) fields.set(`headers.${name}`, String(value))
  if (record.value === null) return fields.set('value', 'null')
  for (const [name, value] of Object.entries(parseJson(record.value) as Record<string, JsonValue>)) {
    if (value === null || typeof value !== 'object') fields.set(name, text(value))
    else for (const [inner, leaf] of Object.entries(value)) fields.set(`${name}.${inner}`, text(leaf as JsonValue))
  }
  return fields
}

/** One text for one value: numbers by their value, members in order of their names. */
function text(value: JsonValue): string {
  return JSON.stringify(value, (_, inner: unknown) => {
    if (typeof inner === 'bigint') return `${inner}`
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
  })
}
