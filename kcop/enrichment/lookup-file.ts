import { readFileSync } from 'node:fs'
import { CsvError, parse } from 'csv-parse/sync'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { LookupFileRule } from '../rules.ts'
import { HeldRows, type LookupTable, type LookupTables } from './lookup-table.ts'

/** Reads the files of all lookups. Throws LOOKUP_INVALID with the place of the rule. */
export function loadLookups(rules: readonly LookupFileRule[]): LookupTables {
  return new Map(rules.map(rule => [rule.name, loadLookup(rule)]))
}

function loadLookup(rule: LookupFileRule): LookupTable {
  try {
    return lookupRows(readFileSync(rule.file, 'utf8'), rule)
  } catch (error) {
    if (error instanceof TidemarkError) throw error
    const code = (error as NodeJS.ErrnoException).code ?? 'not readable'
    throw invalid(rule, `cannot be read (${code})`, 'create it, or correct its name or permissions')
  }
}

type FileRule = Pick<LookupFileRule, 'file' | 'key' | 'bytesMax' | 'place'>
type Record_ = Readonly<Record<string, string | null>>

/**
 * The rows of a file: CSV (RFC 4180, its first line names the columns) or, by a name that ends in .json, a list of JSON
 * objects. Values are text; in JSON numbers keep their digits and null is NULL. Throws LOOKUP_INVALID.
 */
export function lookupRows(text: string, rule: FileRule): LookupTable {
  const records = rule.file.endsWith('.json') ? jsonRecords(text, rule) : csvRecords(text, rule)
  const columns = Object.keys(records[0] ?? {})
  if (records.length > 0 && !columns.includes(rule.key)) {
    throw invalid(rule, `has no column ${rule.key}`, `name one of its columns as key: ${columns.join(', ')}`)
  }
  const rows = new HeldRows(columns)
  for (const [index, record] of records.entries()) add(rows, record, index + 1, rule)
  return rows
}

function add(rows: HeldRows, record: Record_, number: number, rule: FileRule): void {
  const key = record[rule.key]
  if (key === undefined || key === null) {
    throw invalid(rule, `has no ${rule.key} in its row ${number}`, 'give each row its key')
  }
  if (rows.has(key)) throw invalid(rule, `has the key of its row ${number} twice`, 'leave one row for each key')
  rows.set(
    key,
    rows.columns.map(column => record[column] ?? null)
  )
  if (rows.bytes <= rule.bytesMax) return
  throw invalid(
    rule,
    `takes more than ${rule.bytesMax} bytes of memory`,
    'leave columns out of it, or raise `bytesMax`'
  )
}

function csvRecords(text: string, rule: FileRule): Record_[] {
  try {
    return parse(text, { columns: true, bom: true, skip_empty_lines: true })
  } catch (error) {
    if (!(error instanceof CsvError)) throw error
    const line = error['lines'] as number | undefined
    const at = line === undefined ? '' : ` in its line ${line}`
    throw invalid(
      rule,
      `is not CSV${at} (${error.code})`,
      'write RFC 4180: a line of names, then one line for each row'
    )
  }
}

function jsonRecords(text: string, rule: FileRule): Record_[] {
  const value = parsedJson(text, rule)
  const isList = Array.isArray(value) && value.every(item => typeof item === 'object' && item !== null)
  if (!isList) throw notAList(rule)
  const rows = value as Record<string, unknown>[]
  for (const row of rows) {
    for (const [name, entry] of Object.entries(row)) {
      if (typeof entry === 'boolean') row[name] = String(entry)
      else if (typeof entry !== 'string' && entry !== null) throw notAList(rule)
    }
  }
  return rows as Record_[]
}

function parsedJson(text: string, rule: FileRule): unknown {
  try {
    // The source keeps what a double would lose of a number.
    return JSON.parse(text, (_name, value: unknown, context?: { source?: string }) =>
      typeof value === 'number' ? context!.source! : value
    ) as unknown
  } catch {
    throw notAList(rule)
  }
}

function notAList(rule: FileRule): TidemarkError {
  const cure = 'write [{"code": "CH", "name": "Switzerland"}, ...]'
  return invalid(rule, 'is not a list of JSON objects with texts, numbers, booleans and null', cure)
}

function invalid(rule: FileRule, fault: string, cure: string): TidemarkError {
  const message = `the lookup file ${rule.file} ${fault}`
  return new TidemarkError(
    'LOOKUP_INVALID',
    rule.place === null ? { message, cure } : { message, cure, place: rule.place }
  )
}
