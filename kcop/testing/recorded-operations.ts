import { readFileSync, statSync } from 'node:fs'
import type { Operation } from '@tidemark/schemas/operation.ts'
import type { Table } from '@tidemark/schemas/table.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import {
  earlierHeads,
  recordingBytesMax,
  recordingHead,
  type RecordedLine,
  type RecordedRow
} from '../display/operation-recorder.ts'
import { transactionOf, type GivenTransaction } from './hand-made.ts'
import * as raw from './operations.ts'

/**
 * The transactions of a file that `tidemark preview --record` wrote, to be run by a harness. Throws USAGE naming file and
 * line when it is no such file.
 */
export function recordedTransactions(file: string): GivenTransaction[] {
  const lines = readLines(file)
  const reading = new Reading(file)
  if (![recordingHead, ...earlierHeads].some(head => lines[0] === JSON.stringify(head)))
    throw reading.invalid('is not a recording of this version')
  for (const line of lines.slice(1)) reading.take(line)
  return reading.whole()
}

function readLines(file: string): string[] {
  try {
    const { size } = statSync(file)
    if (size > recordingBytesMax) throw new RangeError(`it has ${size} bytes, more than ${recordingBytesMax}`)
    const text = readFileSync(file, 'utf8')
    return text.split('\n').filter(line => line !== '')
  } catch (error) {
    throw new TidemarkError('USAGE', {
      message: `recording ${file} cannot be read`,
      cure: 'name a file that `tidemark preview --record` wrote',
      cause: error
    })
  }
}

type Begun = Extract<RecordedLine, { does: 'begin' }>

class Reading {
  private readonly file: string
  private readonly tables = new Map<string, Table>()
  private readonly transactions: GivenTransaction[] = []
  private begun: Begun | null = null
  private operations: Operation[] = []
  private number = 1

  constructor(file: string) {
    this.file = file
  }

  take(text: string): void {
    this.number++
    const line = this.parsed(text)
    switch (line.does) {
      case 'table':
        this.tables.set(line.table.qualifiedName, line.table)
        return
      case 'begin':
        this.end()
        this.begun = line
        return
      case 'commit':
        this.end()
        return
      case 'insert':
      case 'update':
      case 'delete':
      case 'truncate':
      case 'message':
        this.operations.push(this.placed(line.lsn, this.operation(line)))
        return
    }
    throw this.invalid('is not a line of a recording')
  }

  /** All of it; a transaction that stopped the producer has no end in the file. */
  whole(): GivenTransaction[] {
    this.end()
    return this.transactions
  }

  invalid(what: string): TidemarkError {
    return new TidemarkError('USAGE', {
      message: `recording ${this.file}, line ${this.number}, ${what}`,
      cure: 'record again with `tidemark preview --record`'
    })
  }

  private end(): void {
    if (this.begun !== null && this.operations.length > 0) {
      const { id, commitMicros, position, kind } = this.begun
      const about = { id, commitMicros, position: Buffer.from(position, 'hex'), kind }
      this.transactions.push({ ...transactionOf({}, ...this.operations), ...about })
    }
    this.begun = null
    this.operations = []
  }

  private operation(line: Exclude<RecordedLine, { does: 'table' | 'begin' | 'commit' }>): Operation {
    switch (line.does) {
      case 'insert':
        return raw.insert(this.table(line.table), texts(line.after))
      case 'update':
        return raw.update(this.table(line.table), line.before && texts(line.before), texts(line.after), line.keyOnly)
      case 'delete':
        return raw.remove(this.table(line.table), line.before && texts(line.before), line.keyOnly)
      case 'truncate':
        return raw.truncate(...line.tables.map(name => this.table(name)))
      case 'message':
        return {
          ...raw.message(line.prefix, ''),
          message: { ...emptyMessage, prefix: line.prefix, bytes: Buffer.from(line.base64, 'base64') }
        }
    }
  }

  private placed(lsn: string | undefined, operation: Operation): Operation {
    if (lsn === undefined) return operation
    if (!/^[0-9a-f]{16}$/.test(lsn)) throw this.invalid('has a change without its place in the log')
    return raw.at(BigInt(`0x${lsn}`), operation)
  }

  private table(name: string): Table {
    const table = this.tables.get(name)
    if (table === undefined) throw this.invalid(`has a row of table ${name} before its definition`)
    return table
  }

  private parsed(text: string): RecordedLine {
    try {
      return JSON.parse(text) as RecordedLine
    } catch {
      // The parser's message quotes the line.
      throw this.invalid('is not JSON')
    }
  }
}

const emptyMessage = { properties: new Map<string, string>() }

function texts(row: RecordedRow): raw.RowTexts {
  return row.map(text => (text === false ? raw.UNCHANGED : text))
}
