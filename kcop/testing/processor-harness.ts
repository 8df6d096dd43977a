import type { ParkedOperation } from '@tidemark/schemas/commit-stream.ts'
import { lsn, lsnToBytes } from '@tidemark/schemas/position.ts'
import type { TransactionContext } from '@tidemark/schemas/operation.ts'
import type { Table } from '@tidemark/schemas/table.ts'
import { isTidemarkError, TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { CollectingSink } from '../display/collecting-sink.ts'
import { plainRecord, plainValue, type PlainRecord, type PlainValue } from '../display/plain-record.ts'
import type { Processor } from '../processor.ts'
import { Producer, type ProducerOptions } from '../producer.ts'
import type { GivenTransaction } from './hand-made.ts'
import { harnessRules, ownFile, type GivenRules } from './harness-rules.ts'
import { observed } from './observed-processor.ts'

export interface HarnessOptions
  extends GivenRules, Pick<ProducerOptions, 'formats' | 'keys' | 'lookups' | 'now' | 'randomBytes'> {
  /** Run for every table, and every queue of `queues`, whose rule names no other. */
  processor?: Processor
}

/** What one transaction became. */
export interface PlainTransaction {
  readonly id: string
  readonly records: readonly PlainRecord[]
  /** By name. */
  readonly annotations: Readonly<Record<string, string>>
  /** Operations set aside by `onFailure: 'park'`. */
  readonly parked: readonly ParkedOperation[]
}

/** What a configuration says, complete: as the agent has it. */
export type ConfiguredOptions = Omit<ProducerOptions, 'sink'>

export interface Configured {
  readonly configured: ConfiguredOptions
  /** What keys and values are, where they are no text; by default plainValue. */
  readonly valueOf?: (bytes: Buffer | null) => PlainValue
}

const firstCommitMicros = Date.UTC(2024, 0, 1) * 1000
const secondMicros = 1_000_000

/**
 * Runs a processor, or what tables are configured to send, over transactions, as the agent does and by the same code;
 * no database, no Kafka, no files. What is thrown is what the agent would stop with, its `cause` the processor's own error.
 */
export class ProcessorHarness {
  private readonly options: (tables: readonly Table[]) => ConfiguredOptions
  private readonly valueOf: (bytes: Buffer | null) => PlainValue
  private readonly sink = new CollectingSink()
  private readonly tables = new Map<string, Table>()
  private producer: Producer | null = null
  private count = 0
  private thrown: unknown = null

  /** `given`: a processor and rules by table, or everything a configuration says. */
  constructor(given: HarnessOptions | Configured) {
    this.valueOf = ('configured' in given ? given.valueOf : undefined) ?? plainValue
    if ('configured' in given) this.options = () => given.configured
    else this.options = tables => optionsOf(given, tables)
  }

  /** The records of the transactions, in order. Throws what the agent would stop with. */
  run(...transactions: readonly (GivenTransaction | readonly GivenTransaction[])[]): PlainRecord[] {
    return this.transactions(...transactions).flatMap(({ records }) => records)
  }

  /** The same, transaction by transaction, with annotations. */
  transactions(...given: readonly (GivenTransaction | readonly GivenTransaction[])[]): PlainTransaction[] {
    const flat = given.flat() as GivenTransaction[]
    this.meet(flat.flatMap(tablesOf))
    return flat.map(transaction => this.one(transaction))
  }

  private one(given: GivenTransaction): PlainTransaction {
    const context = this.context(given)
    const producer = this.producer!
    this.thrown = null
    try {
      if (given.does === 'operations') this.operations(producer, context, given)
      else this.frame(producer, context, given)
    } catch (error) {
      this.sink.take()
      this.sink.takeAnnotations()
      this.sink.takeParked()
      throw this.explained(error)
    }
    const annotations = [...this.sink.takeAnnotations()].map(([name, value]) => [name, value.toString()] as const)
    return {
      id: context.sourceId,
      records: this.sink.take().map(record => plainRecord(record, this.valueOf)),
      annotations: Object.fromEntries(annotations),
      parked: this.sink.takeParked()
    }
  }

  private operations(
    producer: Producer,
    context: TransactionContext,
    { operations }: Extract<GivenTransaction, { does: 'operations' }>
  ): void {
    producer.begin(context)
    for (const operation of operations) {
      for (const table of tablesOfOperation(operation)) this.announce(producer, table)
      producer.process({ ...operation, transaction: context })
    }
    producer.commit(context)
  }

  private frame(
    producer: Producer,
    context: TransactionContext,
    { does, table }: Exclude<GivenTransaction, { does: 'operations' }>
  ): void {
    this.announce(producer, table)
    producer.begin(context)
    producer[does](table)
    producer.commit(context)
  }

  /** A table's definition is told before its first operation, and again when it is another. */
  private announce(producer: Producer, table: Table): void {
    if (this.tables.get(table.qualifiedName) === table) return
    this.tables.set(table.qualifiedName, table)
    producer.schema(table)
  }

  /** Rules are given to a producer as a whole: with tables not met before it is made anew. */
  private meet(tables: readonly Table[]): void {
    const known = [...this.tables.values()]
    const names = new Set(known.map(({ qualifiedName }) => qualifiedName))
    if (this.producer !== null && tables.every(({ qualifiedName }) => names.has(qualifiedName))) return
    const options = this.options([...known, ...tables])
    const processors = [...(options.processors ?? [])].map(
      ([file, processor]) => [file, observed(processor, error => (this.thrown ??= error))] as const
    )
    this.producer = new Producer({ ...options, processors: new Map(processors), sink: this.sink })
  }

  private context(given: GivenTransaction): TransactionContext {
    const number = ++this.count
    const made = firstCommitMicros + number * secondMicros
    const position = lsnToBytes(lsn(BigInt(number)))
    if (given.does !== 'operations') {
      const end = given.does === 'refreshStart' ? 'start' : 'end'
      return { sourceId: `refresh:${given.table.qualifiedName}:${end}`, commitTime: made, position, kind: 'refresh' }
    }
    const stated = given.commitTime === undefined ? undefined : commitMicros(given.commitTime)
    return {
      sourceId: given.id ?? String(number),
      commitTime: given.commitMicros ?? stated ?? made,
      position: given.position ?? position,
      kind: given.kind ?? 'mirror'
    }
  }

  private explained(error: unknown): unknown {
    if (!isTidemarkError(error, 'PROCESSOR_FAILED') || this.thrown === null) return error
    const { code, message, cure, place } = error
    return new TidemarkError(code, { message, cure, cause: this.thrown, ...(place === undefined ? {} : { place }) })
  }
}

function optionsOf(given: HarnessOptions, tables: readonly Table[]): ConfiguredOptions {
  const { processor, formats, keys, lookups, now, randomBytes } = given
  const names = new Set(tables.map(({ qualifiedName }) => qualifiedName))
  return {
    rules: harnessRules(given, [...names], processor !== undefined),
    processors: new Map(processor === undefined ? [] : [[ownFile, processor]]),
    ...(formats === undefined ? {} : { formats }),
    ...(keys === undefined ? {} : { keys }),
    ...(lookups === undefined ? {} : { lookups }),
    ...(now === undefined ? {} : { now }),
    ...(randomBytes === undefined ? {} : { randomBytes })
  }
}

function tablesOf(given: GivenTransaction): Table[] {
  return given.does === 'operations' ? given.operations.flatMap(tablesOfOperation) : [given.table]
}

function tablesOfOperation({ table, truncated }: { table: Table | null; truncated: readonly Table[] }): Table[] {
  return table === null ? [...truncated] : [table]
}

function commitMicros(time: string): number {
  const ms = Date.parse(time)
  if (!Number.isNaN(ms)) return ms * 1000
  throw new TidemarkError('USAGE', {
    message: 'commitTime is not a time',
    cure: 'for example 2024-02-29T12:00:00.000Z'
  })
}
