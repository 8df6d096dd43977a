import { plainJson } from '@tidemark/kcop/display/plain-record.ts'
import type { Style } from '../commands/presentation.ts'
import { Withheld, type ShownRecord } from './shown-record.ts'

/** Of a key, value or header in the terminal. */
const charactersMax = 2_000

/** A record as a person reads it. */
export function recordText(record: ShownRecord, style: Style): string {
  const { topic, partition, key, value, headers, output, place, subjects } = record
  const made = output === null ? '' : `  from ${output}${place === null ? '' : ` (${place})`}`
  const lines = [
    `  ${style.bold(safe(topic))}  ${partition === null ? 'by key' : `partition ${partition}`}${style.faint(made)}`
  ]
  lines.push(`    key      ${key === null ? '(none)' : valueText(key)}`)
  lines.push(`    value    ${value === null ? '(tombstone)' : valueText(value)}`)
  if (headers instanceof Withheld) lines.push(`    headers  ${valueText(headers)}`)
  else
    for (const [name, content] of Object.entries(headers))
      lines.push(`    header   ${safe(name)} = ${valueText(content)}`)
  if (subjects.length > 0) lines.push(style.faint(`    Avro     ${safe(subjects.join(', '))}: derived, not registered`))
  return `${lines.join('\n')}\n`
}

function valueText(value: unknown): string {
  if (value instanceof Withheld) return `(${value.withheldBytes} bytes, not shown: the topic is restricted)`
  const text = typeof value === 'string' ? value : plainJson(value)
  return text.length <= charactersMax
    ? safe(text)
    : `${safe(text.slice(0, charactersMax))}.. (${text.length} characters)`
}

/** Rows may hold anything, a terminal's commands included. */
export function safe(text: string): string {
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, character => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}
