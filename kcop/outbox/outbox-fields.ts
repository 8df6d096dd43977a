import type { JsonType } from '../formats/json-type.ts'
import type { AdditionalField, OutboxRule } from '../rules.ts'

/** Where the fields of an event stand in its image, as column indexes; -1 = there is none. */
export interface OutboxFields {
  readonly id: number
  readonly key: number
  readonly payload: number
  readonly routeBy: number
  readonly tracing: number
  readonly timestamp: number
  readonly schemaVersion: number
  readonly additional: readonly PlacedField[]
  /** By column index. */
  readonly types: readonly JsonType[]
  /** By column index, for messages. */
  readonly names: readonly string[]
  /** The payload is JSON to be embedded as it is, whatever `expandJson` says. */
  readonly payloadIsJson: boolean
}

export interface PlacedField extends AdditionalField {
  readonly index: number
  readonly headerName: Buffer
  /** `"name":` */
  readonly memberName: Buffer
}

/** Finds the fields. `find` gives a column's index, or -1; `required` is called with each that must be there but is not. */
export function outboxFields(
  rule: OutboxRule,
  columns: { names: readonly string[]; types: readonly JsonType[]; payloadIsJson: boolean },
  required: (name: string) => never
): OutboxFields {
  const find = (name: string) => columns.names.indexOf(name)
  const need = (name: string) => {
    const index = find(name)
    return index >= 0 ? index : required(name)
  }
  const optional = (name: string | null) => (name === null ? -1 : need(name))
  return {
    id: need(rule.id),
    key: need(rule.key),
    payload: need(rule.payload),
    routeBy: need(rule.routeBy),
    tracing: find(rule.tracing),
    timestamp: optional(rule.timestamp),
    schemaVersion: optional(rule.schemaVersion),
    additional: rule.additional.map(field => ({
      ...field,
      index: need(field.column),
      headerName: Buffer.from(field.name),
      memberName: Buffer.from(`${JSON.stringify(field.name)}:`)
    })),
    ...columns
  }
}
