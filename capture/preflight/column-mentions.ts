import { columnsNamedIn } from '@tidemark/kcop/filter/filter-syntax.ts'
import { topicTemplate } from '@tidemark/kcop/routing/topic-template.ts'
import type { ColumnRules, RulePlaces } from '@tidemark/kcop/rules.ts'
import type { Configuration, OutboxTableConfiguration, OutputConfiguration } from '../config/configuration.ts'

/** A column of a table that the configuration names. */
export interface ColumnMention {
  readonly table: string
  readonly column: string
  /** What names it, for messages: `the filter`. */
  readonly by: string
  /** `file:line:column` */
  readonly place: string
  /** Columns that the configuration makes and that may be named here as well. */
  readonly made: readonly string[]
}

/** Every column that the configuration names, of tables that exist or not, in the order of the file's sections. */
export function columnMentions(configuration: Configuration): ColumnMention[] {
  const { tables, outbox, monitors } = configuration
  const ofTables = tables.flatMap(table =>
    [table, ...table.also].flatMap(output => mentionsOf(output).map(of(table.qualifiedName, output)))
  )
  const ofOutboxes = outbox.tables.flatMap(table => outboxMentions(table).map(of(table.qualifiedName, table)))
  const ofMonitors = monitors.flatMap(rule =>
    rule.tables.flatMap(table => {
      const named = rule.column === null ? [] : [{ column: rule.column, by: 'the measure', part: 'column' }]
      const inWhere = rule.where === null ? [] : columnsNamedIn(rule.where)
      return [...named, ...inWhere.map(column => ({ column, by: 'the condition', part: 'where' }))].map(
        of(table, { place: rule.place ?? '', places: rule.places ?? {}, columns: null })
      )
    })
  )
  return distinct([...ofTables, ...lookupMentions(configuration), ...ofOutboxes, ...ofMonitors])
}

/** Keys of tables that lookups read, and what is taken of them. */
function lookupMentions({ tables, tableLookups, places }: Configuration): ColumnMention[] {
  const outputs = tables.flatMap(table => [table, ...table.also])
  return tableLookups.flatMap(({ name, table, key, place }) => {
    const made: readonly string[] = []
    const taken = outputs.flatMap(output =>
      (output.columns.derived ?? []).flatMap(column => {
        if (!('lookup' in column.from) || column.from.lookup.in !== name) return []
        const at = output.places[`takes/${column.name}`] ?? output.place
        return [{ table, column: column.from.lookup.take, by: `the lookup of ${column.name}`, place: at, made }]
      })
    )
    return [
      { table, column: key, by: `lookup ${name}`, place: places[`lookups/${name}`] ?? place ?? '', made },
      ...taken
    ]
  })
}

interface PartMention {
  column: string
  by: string
  /** Of RulePlaces. */
  part: string
}

interface Origin {
  readonly place: string
  readonly places: RulePlaces
  readonly columns: ColumnRules | null
}

function of(table: string, { place, places, columns }: Origin): (mention: PartMention) => ColumnMention {
  const made = (columns?.derived ?? []).map(({ name }) => name)
  return ({ column, by, part }) => ({ table, column, by, place: places[part] ?? place, made })
}

function mentionsOf(output: OutputConfiguration): PartMention[] {
  const { key, headers, partition, filter, topic, columns } = output
  const template = topic.includes('{column.') ? topicTemplate(topic, null).columns : []
  return [
    ...template.map(column => ({ column, by: 'the topic', part: 'topic' })),
    ...columnRuleMentions(columns, output.places),
    ...derivedMentions(columns),
    ...(key ?? []).map(column => ({ column, by: 'the key', part: `key/${column}` })),
    ...headers.flatMap(({ name, from }) =>
      'column' in from ? [{ column: from.column, by: `header ${name}`, part: `headers/${name}` }] : []
    ),
    ...(typeof partition === 'object' && 'column' in partition
      ? [{ column: partition.column, by: 'the partition', part: 'partition' }]
      : []),
    ...(filter === null ? [] : columnsNamedIn(filter)).map(column => ({ column, by: 'the filter', part: 'filter' }))
  ]
}

/** Places know of columns declared plain as well, of which no rule is left. */
function columnRuleMentions({ only, dropped, protected: guarded }: ColumnRules, places: RulePlaces): PartMention[] {
  const placed = Object.keys(places).flatMap(part => (part.startsWith('columns/') ? [part.slice(8)] : []))
  const names = new Set([...(only ?? []), ...dropped, ...guarded.map(({ column }) => column), ...placed])
  const subjects = guarded.flatMap(({ column, protection }) =>
    protection.kind === 'encrypt-subject'
      ? [{ column: protection.subject, by: `the subject of ${column}`, part: `subjects/${column}` }]
      : []
  )
  return [...[...names].map(column => ({ column, by: '`columns`', part: `columns/${column}` })), ...subjects]
}

function derivedMentions({ derived = [] }: ColumnRules): PartMention[] {
  return derived.flatMap(({ name, from }) => {
    const part = `sources/${name}`
    if ('lookup' in from) return [{ column: from.lookup.by, by: `the lookup of ${name}`, part }]
    return columnsNamedIn(from.expression).map(column => ({ column, by: `the expression of ${name}`, part }))
  })
}

function outboxMentions(outbox: OutboxTableConfiguration): PartMention[] {
  const options = (['id', 'key', 'payload', 'routeBy', 'timestamp', 'schemaVersion'] as const).flatMap(option => {
    const column = outbox[option]
    return column === null ? [] : [{ column, by: `\`${option}\``, part: option }]
  })
  const additional = outbox.additional.map(({ column }, index) => ({
    column,
    by: '`additional`',
    part: `additional/${index}`
  }))
  return [...options, ...additional, ...columnRuleMentions(outbox.columns, outbox.places)]
}

/** What a further output has from its table is named in one place only. */
function distinct(mentions: readonly ColumnMention[]): ColumnMention[] {
  return [
    ...new Map(mentions.map(mention => [`${mention.place} ${mention.table}.${mention.column}`, mention])).values()
  ]
}
