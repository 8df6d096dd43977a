import type { Operation } from '@tidemark/schemas/operation.ts'
import type { Table } from '@tidemark/schemas/table.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { topicNameFault } from '../topic-name.ts'

/** A part of a topic template: text, or what stands in braces. */
type Part = { readonly text: string } | { readonly operation: true } | { readonly column: string }

export interface TopicTemplate {
  readonly parts: readonly Part[]
  /** Columns whose values are in the name. */
  readonly columns: readonly string[]
  /** The name when no row and no operation is needed for it; else null. */
  readonly fixed: string | null
}

const kinds = ['insert', 'update', 'delete'] as const

/** What may stand in braces, for messages. */
export const templateWords = '{schema}, {table}, {operation} and {column.<name>}'

/**
 * Parses `crm.{schema}.{table}.{column.region}`. `table`: null when only the form is to be checked. Throws
 * CONFIG_INVALID for braces that hold something else, or when no value could make the name legal.
 */
export function topicTemplate(topic: string, table: Pick<Table, 'schema' | 'name'> | null): TopicTemplate {
  const parts = partsOf(topic, table)
  const columns = parts.flatMap(part => ('column' in part ? [part.column] : []))
  const fault = topicNameFault(exampleOf(parts))
  if (fault !== null) throw invalid(topic, fault)
  const plain = parts.every(part => 'text' in part)
  return { parts, columns, fixed: plain ? exampleOf(parts) : null }
}

function partsOf(topic: string, table: Pick<Table, 'schema' | 'name'> | null): Part[] {
  return topic
    .split(/(\{[^{}]*\})/)
    .filter(text => text !== '')
    .map(text => (text.startsWith('{') ? partOf(text.slice(1, -1), topic, table) : { text }))
}

function partOf(word: string, topic: string, table: Pick<Table, 'schema' | 'name'> | null): Part {
  if (word === 'schema') return { text: table?.schema ?? 'schema' }
  if (word === 'table') return { text: table?.name ?? 'table' }
  if (word === 'operation') return { operation: true }
  if (word.startsWith('column.') && word.length > 7) return { column: word.slice(7) }
  throw invalid(topic, `has {${word}}, which is not known`)
}

function exampleOf(parts: readonly Part[]): string {
  return parts.map(part => ('text' in part ? part.text : 'x')).join('')
}

/** All names a template without columns can make. */
export function namesOf(template: TopicTemplate): readonly string[] {
  if (template.columns.length > 0) return []
  return [...new Set(kinds.map(kind => nameFor(template, kind, () => '')))]
}

export function nameFor(
  template: TopicTemplate,
  kind: Operation['kind'],
  valueOf: (column: string, index: number) => string
): string {
  let column = 0
  return template.parts
    .map(part => {
      if ('text' in part) return part.text
      return 'column' in part ? valueOf(part.column, column++) : kind
    })
    .join('')
}

function invalid(topic: string, fault: string): TidemarkError {
  return new TidemarkError('CONFIG_INVALID', {
    message: `the topic \`${topic}\` ${fault}`,
    cure: `write a legal topic name; it may hold ${templateWords}`
  })
}
