import { lookupRows } from '@tidemark/kcop/enrichment/lookup-file.ts'
import { parseExpression } from '@tidemark/kcop/enrichment/expression.ts'
import { isTidemarkError, TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { ColumnRuleFile } from './column-options.ts'
import type { LookupFile } from './lookup-options.ts'
import { meant, nearest } from './nearest.ts'
import { columnEntries } from './output-completion.ts'
import { invalid, type ReferenceSource } from './references.ts'
import type { ConfigurationFile } from './schema.ts'
import { textFaults } from './text-faults.ts'
import { escapePointer, readablePath, type YamlDocument } from './yaml-document.ts'

/** A lookup's columns, by its name; null: its file is at fault, which is told there, or its columns are those of a table. */
type Known = ReadonlyMap<string, readonly string[] | null>

/** Files of lookups are read when the configuration is, and every derived column is looked at as far as no table is needed. */
export function derivedFaults(
  written: ConfigurationFile,
  document: YamlDocument,
  references: ReferenceSource
): TidemarkError[] {
  const known = new Map<string, readonly string[] | null>()
  const ofFiles = Object.entries(written.lookups ?? {}).flatMap(([name, lookup]) => {
    const formed = formFaults(name, lookup, document)
    if (formed.length > 0 || lookup.file === undefined) {
      known.set(name, null)
      return formed.length > 0 ? formed : tableFaults(name, lookup, written, document)
    }
    const read = readLookup(name, lookup, document, references)
    known.set(name, 'columns' in read ? read.columns : null)
    return 'fault' in read ? [read.fault] : []
  })
  const ofColumns = ruledColumns(written).flatMap(({ at, rule }) => columnFaults(at, rule, known, document))
  return [...ofFiles, ...ofColumns]
}

function ruledColumns(written: ConfigurationFile) {
  return Object.entries(written.tables ?? {}).flatMap(([name, table]) => {
    const at = `/tables/${escapePointer(name)}`
    const also = (table.also ?? []).flatMap((further, index) =>
      columnEntries(further.columns, `${at}/also/${index}/columns`)
    )
    return [...columnEntries(table.columns, `${at}/columns`), ...also]
  })
}

function formFaults(name: string, { file, table, definition }: LookupFile, document: YamlDocument): TidemarkError[] {
  const at = `/lookups/${escapePointer(name)}`
  const wrong = (what: string, cure: string) => [
    invalid(`\`${readablePath(at)}\` ${what}`, document.placeOf(at, 'key'), cure)
  ]
  if (file !== undefined && table !== undefined) return wrong('has both `file` and `table`', 'make a lookup of each')
  if (file === undefined && table === undefined) return wrong('has neither `file` nor `table`', 'add one of them')
  if (file !== undefined && definition !== undefined) return wrong('has `definition` without `table`', 'leave it out')
  return []
}

/** The changes of a looked-up table must come in the stream. */
function tableFaults(
  name: string,
  { table }: LookupFile,
  written: ConfigurationFile,
  document: YamlDocument
): TidemarkError[] {
  const captured = Object.keys(written.tables ?? {})
  if (captured.includes(table!)) return []
  const message = `lookup ${name} reads table ${table}, which is not captured: it is not under \`tables\``
  const place = document.placeOf(`/lookups/${escapePointer(name)}/table`)
  const close = nearest(table!, captured)
  const cure =
    close === null ? `add it: tables: {${table}: {..}}` : `did you mean \`${close}\`? else add it under \`tables\``
  return [new TidemarkError('LOOKUP_INVALID', { message, place, cure })]
}

function readLookup(
  name: string,
  lookup: LookupFile,
  document: YamlDocument,
  references: ReferenceSource
): { columns: readonly string[] } | { fault: TidemarkError } {
  const at = `/lookups/${escapePointer(name)}`
  const { file, key, bytesMax } = lookup as Required<LookupFile>
  try {
    return { columns: lookupRows(references.file(file), { file, key, bytesMax, place: null }).columns }
  } catch (error) {
    const place = document.placeOf(`${at}/file`)
    if (isTidemarkError(error)) {
      return { fault: new TidemarkError(error.code, { message: error.message, cure: error.cure, place }) }
    }
    const code = (error as NodeJS.ErrnoException).code ?? 'not readable'
    const message = `the lookup file ${file} cannot be read (${code})`
    const cure = 'create it, or correct its name or permissions'
    return { fault: new TidemarkError('LOOKUP_INVALID', { message, place, cure }) }
  }
}

function columnFaults(
  at: string,
  rule: 'drop' | 'plain' | ColumnRuleFile,
  known: Known,
  document: YamlDocument
): TidemarkError[] {
  if (typeof rule === 'string') return []
  const { expression, lookup, plain, ...protections } = rule
  const place = document.placeOf(at, 'key')
  const wrong = (what: string, cure: string) => [invalid(`\`${readablePath(at)}\` ${what}`, place, cure)]
  if (expression !== undefined && lookup !== undefined) {
    return wrong('has both `expression` and `lookup`', 'look up one new column, and compute another from it')
  }
  const count = Object.keys(protections).length
  if (count > 1) return wrong('has two protections', 'leave one of them')
  if (expression === undefined && lookup === undefined) {
    return plain === undefined
      ? []
      : wrong('has `plain` but makes no new column', 'write `plain` as a word, or leave it out')
  }
  if (plain === true && count > 0) return wrong('is both `plain` and protected', 'leave one of them')
  return lookup === undefined
    ? textFaults(expression!, () => parseExpression(expression!), `${at}/expression`, document)
    : lookupFaults(`${at}/lookup`, lookup, known, document)
}

function lookupFaults(
  at: string,
  lookup: NonNullable<ColumnRuleFile['lookup']>,
  known: Known,
  document: YamlDocument
): TidemarkError[] {
  if (!known.has(lookup.in)) {
    const names = [...known.keys()]
    const message = `there is no lookup ${lookup.in} under \`lookups\``
    return [
      invalid(message, document.placeOf(`${at}/in`), meant(lookup.in, names, `add \`lookups: {${lookup.in}: {..}}\``))
    ]
  }
  const columns = known.get(lookup.in)!
  if (columns === null || columns.includes(lookup.take)) return []
  const message = `lookup ${lookup.in} has no column ${lookup.take}`
  return [invalid(message, document.placeOf(`${at}/take`), meant(lookup.take, columns, 'add it to the file'))]
}
