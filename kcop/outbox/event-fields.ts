import type { OutboxRule } from '../rules.ts'

/** The columns, or fields of a message, that an event is made of, as far as they are among `present`. */
export function eventFields(rule: OutboxRule, present: readonly string[]): string[] {
  const { id, key, payload, routeBy, tracing, timestamp, schemaVersion, additional } = rule
  const used = [id, key, payload, routeBy, tracing, timestamp, schemaVersion, ...additional.map(({ column }) => column)]
  return present.filter(name => used.includes(name))
}
