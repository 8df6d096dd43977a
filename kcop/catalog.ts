import type { Table } from '@tidemark/schemas/table.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { LookupTables } from './enrichment/lookup-table.ts'
import type { ShownTable } from './failure/dead-letter.ts'
import { Faults } from './faults.ts'
import type { Format, TableFormat } from './format.ts'
import { csvFormat, csvJournalFormat } from './formats/csv.ts'
import { jsonFormat } from './formats/json.ts'
import type { Monitors } from './monitoring/monitors.ts'
import type { Watch } from './monitoring/watch.ts'
import { RepeatedNotice, type Notify } from './notice.ts'
import { outboxProcessor, shownOutbox } from './outbox/protected-outbox.ts'
import type { BuiltInProcessor } from './processor.ts'
import type { AnnotatedSink, OutputName } from './record-sink.ts'
import type { ColumnProtections } from './protection/column-protections.ts'
import { placeOf } from './routing/rule-place.ts'
import { named } from './routing/named-output.ts'
import { compileOutput, type OutputContext } from './routing/output-compiler.ts'
import { collectOutputFaults } from './routing/output-faults.ts'
import { OutputsProcessor, type TableOutput } from './routing/table-output.ts'
import { topicTemplate } from './routing/topic-template.ts'
import type { OnFailure, OutboxTableRule, OutputRule, ProducerRules, TableRule } from './rules.ts'
import { Scratch } from './scratch.ts'

/** What is done for one version of a table. */
export interface Route {
  readonly table: Table
  readonly builtIn: BuiltInProcessor
  /** What monitor rules look at; null: nothing. */
  readonly watches: readonly Watch[] | null
  /** What a user processor sees of an operation: the shape of the main output; null: the operation as it is. */
  readonly main: TableOutput | null
  /** For the key a user processor sees; null when records of the table have none. */
  readonly keyFormat: TableFormat | null
  /** File of the user processor, or null. */
  readonly processor: string | null
  /** Whether what its operations write is bounded and may be withdrawn: for user processors and whatever may fail. */
  readonly isStaged: boolean
  readonly onFailure: OnFailure
  /** What a dead letter may show of a row. */
  readonly shown: ShownTable
  /** An outbox table's rows are events: its truncate is housekeeping. */
  readonly isOutbox: boolean
}

export interface CatalogOptions {
  rules: ProducerRules
  sink: AnnotatedSink
  /** The sink of staged routes. */
  stage?: AnnotatedSink
  formats: readonly Format[]
  protections: ColumnProtections
  lookups: LookupTables
  monitors: Monitors
  notify: Notify
}

/** Chooses and compiles the processor of each table version, by the subscription's rules. */
export class Catalog {
  private readonly options: CatalogOptions
  private readonly formats: ReadonlyMap<string, Format>
  private readonly tables: ReadonlyMap<string, TableRule>
  private readonly outboxes: ReadonlyMap<string, OutboxTableRule>
  /** By table id; null for a table that no rule names. */
  private readonly routes = new Map<number, Route | null>()
  private readonly keyScratch = new Scratch()
  private readonly valueScratch = new Scratch()
  private pending: Promise<void>[] = []

  /** Throws CONFIG_INVALID for a topic Kafka would refuse, NOT_AVAILABLE for a format nobody registered. */
  constructor(options: CatalogOptions) {
    this.options = options
    this.formats = new Map([...plainFormats, ...options.formats].map(format => [format.name, format]))
    this.tables = new Map(options.rules.tables.map(rule => [rule.qualifiedName, rule]))
    this.outboxes = new Map(options.rules.outbox.tables.map(rule => [rule.qualifiedName, rule]))
    for (const rule of options.rules.tables) this.check(rule)
  }

  /** The route of a table, compiled when its definition is new; null when no rule names it. */
  route(table: Table): Route | null {
    const route = this.routes.get(table.id)
    if (route !== undefined && (route === null || route.table === table)) return route
    return this.compile(table)
  }

  /** Compiles anew. Throws TABLE_WITHOUT_KEY, COLUMN_UNKNOWN, ROW_UNSUITABLE, CONFIG_INVALID. */
  compile(table: Table): Route | null {
    const route = this.routeOf(table)
    if (route === null && !this.routes.has(table.id)) this.unconfigured(table)
    this.routes.set(table.id, route)
    return route
  }

  /** Resolves when every format compiled since the last call can write; null: all can. */
  ready(): Promise<void> | null {
    if (this.pending.length === 0) return null
    const all = Promise.all(this.pending).then(() => {})
    this.pending = []
    return all
  }

  /** Gives back memory an exceptionally large row needed. */
  trim(): void {
    this.keyScratch.trim()
    this.valueScratch.trim()
  }

  private routeOf(table: Table): Route | null {
    const rule = this.tables.get(table.qualifiedName)
    if (rule !== undefined) return this.tableRoute(table, rule)
    const outbox = this.outboxes.get(table.qualifiedName)
    if (outbox === undefined) return null
    const { onFailure } = outbox
    const isStaged = onFailure !== 'stop'
    const { sink: plain, stage = plain, notify, protections } = this.options
    const sink = isStaged ? stage : plain
    const context = { sink, protections, notify }
    const name = { name: `outbox ${outbox.qualifiedName}`, place: outbox.place }
    const builtIn = named(name, outboxProcessor(table, outbox, context), sink)
    const none = { watches: null, main: null, keyFormat: null, processor: null } as const
    const shown = isStaged ? shownOutbox(table, outbox, context) : { output: null, topic: null }
    return { table, builtIn, ...none, isStaged, onFailure, shown, isOutbox: true }
  }

  private tableRoute(table: Table, rule: TableRule): Route {
    const isStaged = rule.processor !== null || rule.onFailure !== 'stop'
    const { sink, stage = sink } = this.options
    const context = { ...this.outputContext(), sink: isStaged ? stage : sink }
    const main = compileOutput(table, rule, context)
    const further = rule.also.map(also => compileOutput(table, also, context))
    return {
      table,
      builtIn: this.builtIn(rule, main, further, context.sink),
      watches: this.options.monitors.watchesOf(table),
      main: main.isPlain ? null : main,
      keyFormat: main.keyFormat,
      processor: rule.processor,
      isStaged,
      onFailure: rule.onFailure,
      shown: { output: main.isPlain ? null : main, topic: topicTemplate(rule.topic, table).fixed },
      isOutbox: false
    }
  }

  private builtIn(
    rule: TableRule,
    main: TableOutput,
    further: readonly TableOutput[],
    sink: AnnotatedSink
  ): BuiltInProcessor {
    const { qualifiedName, place, also } = rule
    const first = { name: qualifiedName, place }
    const outputs = further.map((output, index) => ({
      name: { name: `${qualifiedName} also[${index}]`, place: also[index]!.place },
      output
    }))
    // Where outputs are to be told apart each writes its own records.
    const own = sink.writesAs === undefined ? withoutTwins({ name: first, output: main }, outputs) : outputs
    if (own.length === 0 && main.isPlain) return named(first, main.processor, sink)
    return new OutputsProcessor([
      named(first, main.step, sink),
      ...own.map(({ name, output }) => named(name, output.step, sink))
    ])
  }

  /**
   * All that is wrong with the rules for a table, as far as its definition tells it. `onOutput` is told which output is
   * tried next.
   */
  faults(table: Table, onOutput: (rule: OutputRule) => void = () => {}): TidemarkError[] {
    const rule = this.tables.get(table.qualifiedName)
    const context = { ...this.outputContext(), onWait: () => {} }
    const faults = new Faults()
    for (const output of rule === undefined ? [] : [rule, ...rule.also]) {
      onOutput(output)
      collectOutputFaults(table, output, context, faults)
    }
    this.options.monitors.collectFaults(table, faults)
    if (this.outboxes.has(table.qualifiedName)) faults.of(() => this.routeOf(table))
    return faults.found
  }

  private outputContext(): OutputContext {
    return {
      sink: this.options.sink,
      formats: this.formats,
      protections: this.options.protections,
      lookups: this.options.lookups,
      keyScratch: this.keyScratch,
      valueScratch: this.valueScratch,
      onWait: wait => void this.pending.push(wait)
    }
  }

  private check(rule: TableRule): void {
    for (const output of [rule, ...rule.also]) this.checkOutput(output, rule.qualifiedName)
  }

  private checkOutput(rule: OutputRule, table: string): void {
    topicTemplate(rule.topic, null)
    if (auditFormats.has(rule.format) || this.formats.has(rule.format)) return
    const known = [...this.formats.keys(), ...auditFormats].join(', ')
    throw new TidemarkError('NOT_AVAILABLE', {
      message: `table ${table} asks for format ${rule.format}, which this version has not`,
      cure: `use one of: ${known}`,
      ...placeOf(rule)
    })
  }

  private unconfigured(table: Table): void {
    const message = `table ${table.qualifiedName} is published but not configured: its operations are left out`
    new RepeatedNotice(this.options.notify, 'warn', message).happened()
  }
}

interface NamedTableOutput {
  readonly name: OutputName
  readonly output: TableOutput
}

/** Without outputs whose records are, but for the topic, those of the one before them, which sends them too. */
function withoutTwins(first: NamedTableOutput, further: readonly NamedTableOutput[]): NamedTableOutput[] {
  let before = first
  return further.filter(next => {
    if (before.output.absorb(next.output)) return false
    before = next
    return true
  })
}

/** Formats that need nothing but the row. */
const plainFormats: readonly Format[] = [jsonFormat, csvFormat, csvJournalFormat]
const auditFormats: ReadonlySet<string> = new Set(['audit', 'audit-single'])
