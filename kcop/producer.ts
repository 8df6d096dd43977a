import { randomBytes as systemRandomBytes } from 'node:crypto'
import type { Operation, TransactionContext } from '@tidemark/schemas/operation.ts'
import type { Table } from '@tidemark/schemas/table.ts'
import { isTidemarkError, TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { unwatched, type CallWatch } from './call-watch.ts'
import { Catalog, type Route } from './catalog.ts'
import { FollowedRows } from './enrichment/followed-rows.ts'
import { FollowedTables } from './enrichment/followed-tables.ts'
import type { LookupTables } from './enrichment/lookup-table.ts'
import { failedLogicalMessage, failedMessage, failedRow } from './failure/dead-letter.ts'
import { Failures, type FailuresOptions } from './failure/failures.ts'
import { StagedSink } from './failure/staged-sink.ts'
import type { Format } from './format.ts'
import { GuardedProcessor } from './guard.ts'
import { Monitors } from './monitoring/monitors.ts'
import type { Notify } from './notice.ts'
import { OperationView } from './operation-view.ts'
import { messageRoute, type MessageRoute } from './outbox/message-route.ts'
import { RecordOutput } from './output.ts'
import type { BuiltInProcessor, Processor, SinkOutput } from './processor.ts'
import type { AnnotatedSink, OutputName } from './record-sink.ts'
import { ColumnProtections } from './protection/column-protections.ts'
import type { ProtectionKeys } from './protection/protection-keys.ts'
import { named } from './routing/named-output.ts'
import { QueueProcessor } from './queue-processor.ts'
import type { QueueRule } from './queue-rules.ts'
import type { OnFailure, ProducerRules } from './rules.ts'
import { TruncateAnnotation } from './truncate-annotation.ts'

export interface ProducerOptions {
  rules: ProducerRules
  /** The open transaction of the delivery. */
  sink: AnnotatedSink
  /** User processors by file, as the rules name them. */
  processors?: ReadonlyMap<string, Processor>
  /** Formats besides the built-in ones. */
  formats?: readonly Format[]
  /** The keys the rules name, loaded. */
  keys?: ProtectionKeys
  /** What the lookups of the rules read, loaded. */
  lookups?: LookupTables
  /** Milliseconds; data keys age by it. */
  now?: () => number
  randomBytes?: (length: number) => Buffer
  notify?: Notify
  onFailed?: FailuresOptions['onFailed']
  /** Who looks at calls of processors. */
  calls?: CallWatch
}

/** What is done with the messages of a queue. */
interface QueueRoute {
  readonly rule: QueueRule
  readonly builtIn: QueueProcessor
  /** The same, or with its name told. */
  readonly output: Pick<BuiltInProcessor, 'process'>
}

/**
 * Turns the operations of a subscription into records, by its rules. Made anew for each ownership, around its sink. An
 * error thrown by any method stops the transaction: nothing of it may be named.
 */
export class Producer {
  /** Not null: an operation is not settled before it resolves. */
  wait: Promise<void> | null = null
  private readonly options: ProducerOptions
  private readonly catalog: Catalog
  private readonly monitors: Monitors
  /** What plain routes write to. */
  private readonly plain: SinkOutput
  /** What user processors, and whatever may fail, write to. */
  private readonly stage: StagedSink
  private readonly failures: Failures
  private readonly calls: CallWatch
  private readonly output: RecordOutput
  /** Lookups in captured tables; null: there are none. */
  private readonly followed: FollowedTables | null
  private readonly view = new OperationView()
  /** The operation that the view shows. */
  private source: Operation | null = null
  private readonly truncates = new TruncateAnnotation()
  /** By the prefix of a logical message. */
  private readonly messages: ReadonlyMap<string, MessageRoute>
  private readonly queues: ReadonlyMap<string, QueueRoute>
  private readonly users: ReadonlyMap<string, GuardedProcessor>
  /** Those whose hooks see every transaction. */
  private readonly beginners: readonly GuardedProcessor[]
  private readonly committers: readonly GuardedProcessor[]

  /** Throws CONFIG_INVALID, NOT_AVAILABLE; PROCESSOR_INVALID when a processor the rules name is not given. */
  constructor(options: ProducerOptions) {
    this.options = options
    const { rules, sink, processors = new Map(), formats = [], notify = () => {} } = options
    const { deadLetters = null } = rules
    const { keys = new Map(), lookups = new Map(), now = Date.now, randomBytes = systemRandomBytes } = options
    const followed = [...lookups.values()].filter(lookup => lookup instanceof FollowedRows)
    this.followed = followed.length === 0 ? null : new FollowedTables(followed)
    const protections = new ColumnProtections({ keys, now, randomBytes, subjects: subjectsOf(rules, sink) })
    this.monitors = new Monitors(rules.monitors ?? [], sink)
    this.plain = { sink }
    this.stage = new StagedSink(sink)
    this.failures = new Failures({ sink, stage: this.stage, deadLetters, notify, onFailed: options.onFailed })
    requireLetters(rules)
    const { stage } = this
    this.catalog = new Catalog({ rules, sink, stage, formats, protections, lookups, monitors: this.monitors, notify })
    this.output = new RecordOutput(this.stage, operation => this.byDefault(operation))
    this.calls = options.calls ?? unwatched
    this.users = guarded(rules, processors, this.output, this.calls)
    this.beginners = [...this.users.values()].filter(user => user.processor.begin !== undefined)
    this.committers = [...this.users.values()].filter(user => user.processor.commit !== undefined)
    this.queues = new Map(rules.queues?.map(rule => [rule.queue, this.queue(rule)]))
    this.messages = new Map(
      rules.outbox.messages.map(rule => [
        rule.prefix,
        messageRoute(rule, { sink: rule.onFailure === 'stop' ? sink : this.stage, protections, notify })
      ])
    )
  }

  /**
   * A table's definition, before its first operation and after each change. Throws TABLE_WITHOUT_KEY, COLUMN_UNKNOWN,
   * ROW_UNSUITABLE, PROCESSOR_FAILED.
   */
  schema(table: Table): void {
    const route = this.catalog.compile(table)
    const user = this.userOf(route)
    if (user !== null) this.hook(() => user.table('schema', table))
  }

  /** Resolves when every format can write the tables it has been told; null: at once. Hold operations until then. */
  ready(): Promise<void> | null {
    return this.catalog.ready()
  }

  begin(transaction: TransactionContext): void {
    this.truncates.clear()
    this.monitors.begin(transaction)
    for (const user of this.beginners) this.hook(() => user.transaction('begin', transaction))
  }

  /**
   * When `wait` is no longer null afterwards, nothing may be processed before it resolves. Throws, or it rejects with,
   * ROW_UNSUITABLE, RECORD_TOO_LARGE, OUTPUT_TOO_LARGE, PROCESSOR_FAILED, PROCESSOR_ASYNC, PARKED_TOO_MANY, LOOKUP_UNTOLD,
   * LOOKUP_TOO_LARGE, and what `schema` throws.
   */
  process(operation: Operation): void {
    try {
      // Before the operation's own records: they may look it up themselves.
      if (this.followed !== null) this.followed.see(operation)
      if (operation.kind === 'truncate') this.truncate(operation)
      else if (operation.kind === 'message') this.message(operation)
      else this.row(operation)
    } catch (error) {
      throw placed(error, operation)
    }
  }

  /** An operation of which nothing is made, but which lookups must know of. Throws LOOKUP_UNTOLD, LOOKUP_TOO_LARGE. */
  follow(operation: Operation): void {
    this.followed?.see(operation)
  }

  commit(transaction: TransactionContext): void {
    for (const user of this.committers) this.hook(() => user.transaction('commit', transaction))
    this.monitors.commit()
    this.truncates.write(this.options.sink)
    this.catalog.trim()
  }

  refreshStart(table: Table): void {
    this.tableHook('refreshStart', table)
  }

  refreshEnd(table: Table): void {
    this.tableHook('refreshEnd', table)
  }

  private row(operation: Operation): void {
    const table = tableOf(operation)
    const route = this.catalog.route(table)
    if (route === null) return
    if (route.isStaged) {
      const { onFailure, shown } = route
      const error = this.staged(onFailure, () => this.stagedRow(operation, route))
      this.awaits(this.failures.settle(error, onFailure, () => failedRow(operation, table, shown)))
      return
    }
    this.watch(operation, route)
    route.builtIn.process(operation, this.plain)
  }

  private stagedRow(operation: Operation, route: Route): void {
    this.watch(operation, route)
    const user = this.userOf(route)
    const shaped = user === null ? null : route.main === null ? operation : route.main.shape(operation)
    // Without a row for the processor (it is outside the main output's filter) further outputs may still want it.
    if (user === null || shaped === null) route.builtIn.process(operation, this.output)
    else {
      this.source = operation
      user.process(this.view.show(shaped, route.keyFormat))
    }
  }

  /** Rules look at what happened in the source, whatever becomes of its records. */
  private watch(operation: Operation, { watches }: Route): void {
    if (watches !== null && this.monitors.isWatching) for (const watch of watches) watch.see(operation)
  }

  private message(operation: Operation): void {
    if (operation.message === null) return
    const { prefix } = operation.message
    const queue = this.queues.get(prefix)
    if (queue === undefined) {
      const route = this.messages.get(prefix)
      if (route !== undefined) this.logicalMessage(operation, route)
      return
    }
    const { rule, builtIn, output } = queue
    if (rule.processor === null && rule.onFailure === 'stop') {
      output.process(operation, this.plain)
      return
    }
    const error = this.staged(rule.onFailure, () => this.stagedMessage(operation, queue))
    this.awaits(
      this.failures.settle(error, rule.onFailure, () => failedMessage(operation, name => builtIn.shows(name)))
    )
  }

  private logicalMessage(operation: Operation, { onFailure, builtIn, output }: MessageRoute): void {
    if (onFailure === 'stop') {
      output.process(operation, this.plain)
      return
    }
    const error = this.staged(onFailure, () => output.process(operation, this.output))
    const describe = () => failedLogicalMessage(operation, shown => builtIn.shown(shown))
    this.awaits(this.failures.settle(error, onFailure, describe))
  }

  private queue(rule: QueueRule): QueueRoute {
    const sink = rule.processor === null && rule.onFailure === 'stop' ? this.options.sink : this.stage
    const builtIn = new QueueProcessor(rule, sink)
    return { rule, builtIn, output: named(queueOf(rule.queue), builtIn, sink) }
  }

  private stagedMessage(operation: Operation, { rule, output }: QueueRoute): void {
    const { processor } = rule
    if (processor === null) output.process(operation, this.output)
    else {
      this.source = operation
      this.users.get(processor)!.process(this.view.show(operation, null))
    }
  }

  /** Before the next operation: what is not settled, or a turn of the event loop when processors are slow. */
  private awaits(settled: Promise<void> | null): void {
    const promise = settled ?? this.calls.turn()
    if (promise === null) return
    this.wait = promise.then(() => {
      this.wait = null
    })
    // Whoever waits hears of it; nobody has to.
    this.wait.catch(() => {})
  }

  /** Runs a call that writes to the stage; what it throws, or null. */
  private staged(onFailure: OnFailure, call: () => void): unknown {
    this.stage.open(onFailure !== 'stop')
    try {
      call()
      return null
    } catch (error) {
      return error
    } finally {
      this.stage.close()
    }
  }

  /** What hooks write goes through: they belong to no operation that could be set aside. */
  private hook(call: () => void): void {
    const error = this.staged('stop', call)
    if (error !== null) throw error as Error
  }

  private tableHook(hook: 'refreshStart' | 'refreshEnd', table: Table): void {
    const user = this.userOf(this.catalog.route(table))
    if (user !== null) this.hook(() => user.table(hook, table))
  }

  private truncate(operation: Operation): void {
    const captured = operation.truncated.filter(table => {
      const route = this.catalog.route(table)
      return route !== null && !route.isOutbox
    })
    if (captured.length === 0) return
    this.truncates.add(
      operation,
      captured.map(table => table.qualifiedName)
    )
    for (const table of captured) {
      const user = this.userOf(this.catalog.route(table))
      if (user?.processor.truncate === undefined) continue
      this.hook(() => user.truncate(this.view.show(operation, null, table)))
    }
  }

  private byDefault(operation: Operation): void {
    if (operation.kind === 'message') this.messageByDefault(operation)
    else if (operation.kind !== 'truncate') this.rowByDefault(operation)
  }

  private messageByDefault(operation: Operation): void {
    this.queues.get(operation.message!.prefix)?.output.process(operation, this.output)
  }

  /** What a processor hands back is the view of it, of which columns may be missing or protected: outputs get the source's. */
  private rowByDefault(operation: Operation): void {
    if (operation !== this.view) throw notItsOperation()
    const source = this.source!
    this.catalog.route(tableOf(source))?.builtIn.process(source, this.output)
  }

  private userOf(route: Route | null): GuardedProcessor | null {
    return route === null || route.processor === null ? null : (this.users.get(route.processor) ?? null)
  }
}

function queueOf(queue: string): OutputName {
  return { name: `queue ${queue}`, place: null }
}

/** Throws CONFIG_INVALID when something is to be parked and there is nowhere to. */
function requireLetters({ tables, outbox, queues = [], deadLetters = null }: ProducerRules): void {
  const parks = [...tables, ...outbox.tables, ...outbox.messages, ...queues].some(
    ({ onFailure }) => onFailure === 'park'
  )
  if (!parks || deadLetters !== null) return
  throw new TidemarkError('CONFIG_INVALID', {
    message: 'operations are to be parked, and there is no topic for dead letters',
    cure: 'add `deadLetters: {topic: ..}`'
  })
}

/** Keys are not withdrawn with an operation: they pass by what stages records. */
function subjectsOf({ subjectKeysTopic }: ProducerRules, sink: AnnotatedSink) {
  return subjectKeysTopic === undefined ? null : { sink, topic: subjectKeysTopic }
}

function notItsOperation(): TidemarkError {
  return new TidemarkError('RECORD_INVALID', {
    message: 'out.default() was given something else than the operation of this call',
    cure: 'pass `operation` itself; send altered rows by out.send()'
  })
}

function tableOf(operation: Operation): Table {
  if (operation.table !== null) return operation.table
  throw new TidemarkError('INTERNAL', { message: `an operation of kind ${operation.kind} came without its table` })
}

/** An error of a built-in processor with the operation it happened at. */
function placed(error: unknown, operation: Operation): unknown {
  if (!isTidemarkError(error) || error.place !== undefined) return error
  const { code, message, cure, cause } = error
  const place = `operation ${operation.ordinal} of transaction ${operation.transaction.sourceId}`
  return new TidemarkError(code, { message, cure, place, cause })
}

function guarded(
  rules: ProducerRules,
  processors: ReadonlyMap<string, Processor>,
  output: RecordOutput,
  calls: CallWatch
): ReadonlyMap<string, GuardedProcessor> {
  const users = new Map<string, GuardedProcessor>()
  const named = [
    ...rules.tables.map(({ processor, qualifiedName }) => ({ file: processor, of: `table ${qualifiedName}` })),
    ...(rules.queues ?? []).map(({ processor, queue }) => ({ file: processor, of: `queue ${queue}` }))
  ]
  for (const { file, of } of named) {
    if (file === null || users.has(file)) continue
    const processor = processors.get(file)
    if (processor === undefined) {
      throw new TidemarkError('PROCESSOR_INVALID', {
        message: `processor ${file} of ${of} was not loaded`
      })
    }
    users.set(file, new GuardedProcessor(processor, file, output, calls))
  }
  return users
}
