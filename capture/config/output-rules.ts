import { parseFilter } from '@tidemark/kcop/filter/filter-syntax.ts'
import { topicTemplate } from '@tidemark/kcop/routing/topic-template.ts'
import type { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { ColumnRuleFile, ColumnsFile } from './column-options.ts'
import { commitStreamOf, topicOf } from './completion.ts'
import { meant } from './nearest.ts'
import { columnEntries, completeColumns, namesOf, outboxEntries } from './output-completion.ts'
import { invalid } from './references.ts'
import type { ConfigurationFile } from './schema.ts'
import { parseTableName } from './table-name.ts'
import { textFaults } from './text-faults.ts'
import { topicFault } from './topic-rules.ts'
import type { AlsoFile, TableFile } from './table-options.ts'
import { escapePointer, readablePath, type YamlDocument } from './yaml-document.ts'

/** One output as written: the table's own entry, or one of `also`. */
interface WrittenOutput {
  table: string
  topic: string
  /** JSON pointer of the entry. */
  at: string
  entry: TableFile | AlsoFile
  /** The columns of the table's own entry, for one of `also`. */
  inherited: ColumnsFile | undefined
}

/** What a schema cannot say of outputs: topics, templates, conditions, headers, keys, and where plaintext may go. */
export function outputFaults(written: ConfigurationFile, document: YamlDocument): TidemarkError[] {
  const outputs = writtenOutputs(written)
  const ofOutbox = outboxEntries(written).flatMap(({ at, entry }) =>
    missingKeyFaults(entry.columns, `${at}/columns`, written, document)
  )
  const ofTables = outputs.flatMap(output => [
    ...topicFaults(output, written, outputs, document),
    ...restrictionFaults(output, document),
    ...filterFaults(output, document),
    ...headerFaults(output, document),
    ...columnFaults(output, document),
    ...missingKeyFaults(output.entry.columns, `${output.at}/columns`, written, document)
  ])
  return [...ofTables, ...ofOutbox]
}

function writtenOutputs(written: ConfigurationFile): WrittenOutput[] {
  return Object.entries(written.tables ?? {}).flatMap(([table, entry]) => {
    const at = `/tables/${escapePointer(table)}`
    const also = (entry.also ?? []).map((further, index) => ({
      table,
      topic: further.topic,
      at: `${at}/also/${index}`,
      entry: further,
      inherited: entry.columns
    }))
    return [{ table, topic: topicOf(written, table), at, entry, inherited: undefined }, ...also]
  })
}

function topicFaults(
  output: WrittenOutput,
  written: ConfigurationFile,
  outputs: readonly WrittenOutput[],
  document: YamlDocument
): TidemarkError[] {
  const { table, topic, at } = output
  const name = parseTableName(table)
  const faults = topic.includes('{')
    ? textFaults(
        topic,
        () => void topicTemplate(topic, typeof name === 'string' ? null : name),
        `${at}/topic`,
        document
      )
    : topicFault(topic, `${at}/topic`, at, 'topic', document)
  if (topic === commitStreamOf(written)) {
    const message = `the topic of table ${table} is the commit stream`
    faults.push(invalid(message, document.placeOf(`${at}/topic`, 'key'), 'give one of the two another name'))
  }
  const first = outputs.find(other => other.table === table && other.topic === topic)
  if (first !== output) {
    const message = `table ${table} has two outputs to topic ${topic}`
    faults.push(invalid(message, document.placeOf(`${at}/topic`, 'key'), 'give each a topic of its own'))
  }
  return faults
}

/** Topics that only rows name cannot be looked at beforehand. */
function restrictionFaults({ topic, at, entry }: WrittenOutput, document: YamlDocument): TidemarkError[] {
  const { restricted } = entry
  if (restricted === undefined || restricted === false || !topic.includes('{column.')) return []
  const message = `\`${readablePath(at)}\` is restricted, but its topics are named by rows: their ACLs cannot be checked`
  return [invalid(message, document.placeOf(`${at}/restricted`, 'key'), 'give it a topic of one name')]
}

function filterFaults({ at, entry }: WrittenOutput, document: YamlDocument): TidemarkError[] {
  const { filter } = entry
  return filter === undefined ? [] : textFaults(filter, () => void parseFilter(filter), `${at}/filter`, document)
}

function headerFaults({ at, entry }: WrittenOutput, document: YamlDocument): TidemarkError[] {
  const own = Object.keys(entry.headers ?? {}).filter(name => name === 'tidemark' || name.startsWith('tidemark.'))
  return own.map(name => {
    const path = `${at}/headers/${escapePointer(name)}`
    const message = `\`${readablePath(path)}\`: headers beginning with \`tidemark\` are written by Tidemark itself`
    return invalid(message, document.placeOf(path, 'key'), 'choose another name')
  })
}

/** In a further output protections may be lifted at once for a restricted topic only; elsewhere column by column. */
function columnFaults({ at, entry, inherited }: WrittenOutput, document: YamlDocument): TidemarkError[] {
  const { columns, restricted } = entry
  const place = document.placeOf(`${at}/columns`)
  const protections = completeColumns(inherited)
  const guarded = [...protections.dropped, ...protections.protected.map(({ column }) => column)]
  if (columns === 'all' && guarded.length > 0 && (restricted === undefined || restricted === false)) {
    const message = `\`${readablePath(`${at}/columns`)}\`: \`all\` would send ${guarded.join(', ')} unprotected to a topic that is not restricted`
    return [invalid(message, place, 'add `restricted: true`, or name the columns to be sent `plain`')]
  }
  if (!Array.isArray(columns)) return []
  const names = namesOf(columns)
  const repeated = names.filter((name, index) => names.indexOf(name) < index)
  const dropped = columns.filter(item => typeof item === 'string').filter(name => protections.dropped.includes(name))
  return [
    ...repeated.map(name => invalid(`column ${name} is listed twice`, place, 'list each column once')),
    ...dropped.map(name =>
      invalid(`column ${name} is dropped by the table's own entry`, place, `write \`{${name}: plain}\` to send it`)
    )
  ]
}

/** At each rule that names a key there is not; a further output repeats none of its table's. */
function missingKeyFaults(
  columns: ColumnsFile | undefined,
  at: string,
  written: ConfigurationFile,
  document: YamlDocument
): TidemarkError[] {
  const known = Object.keys(written.encryption?.keys ?? {})
  return columnEntries(columns, at).flatMap(({ at: pointer, rule }) =>
    keysNamed(rule).flatMap(({ key, option }) =>
      known.includes(key)
        ? []
        : [
            invalid(
              `there is no key ${key} under \`encryption.keys\``,
              document.placeOf(`${pointer}/${option}`),
              meant(key, known, `add \`encryption: {keys: {${key}: {..}}}\``)
            )
          ]
    )
  )
}

function keysNamed(rule: 'drop' | 'plain' | ColumnRuleFile): { key: string; option: string }[] {
  if (typeof rule === 'string') return []
  return (['encrypt', 'rsa', 'deterministic', 'tokenise'] as const).flatMap(option => {
    const named = rule[option]
    if (named === undefined) return []
    return typeof named === 'string' ? [{ key: named, option }] : [{ key: named.key, option: `${option}/key` }]
  })
}
