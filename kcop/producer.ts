import { randomBytes as systemRandomBytes } from 'node:crypto'
import type { Operation, TransactionContext } from '@tidemark/schemas/operation.ts'
import type { Table } from '@tidemark/schemas/table.ts'
import { isTidemarkError, TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { Catalog, type Route } from './catalog.ts'
import type { LookupTables } from './enrichment/lookup-table.ts'
import type { Format } from './format.ts'
import { GuardedProcessor } from './guard.ts'
import { Monitors } from './monitoring/monitors.ts'
import type { Notify } from './notice.ts'
import { OperationView } from './operation-view.ts'
import { OutboxMessageProcessor } from './outbox/outbox-message.ts'
import { RecordOutput } from './output.ts'
import type { BuiltInProcessor, Processor } from './processor.ts'
import type { AnnotatedSink, OutputName } from './record-sink.ts'
import { ColumnProtections } from './protection/column-protections.ts'
import type { ProtectionKeys } from './protection/protection-keys.ts'
import { named } from './routing/named-output.ts'
import { QueueProcessor } from './queue-processor.ts'
import type { QueueRule } from './queue-rules.ts'
import type { OutboxMessageRule, ProducerRules } from './rules.ts'
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
}

/**
 * Turns the operations of a subscription into records, by its rules. Made anew for each ownership, around its sink. An
 * error thrown by any method stops the transaction: nothing of it may be named.
 */
export class Producer {
  private readonly catalog: Catalog
  private readonly monitors: Monitors
  private readonly output: RecordOutput
  private readonly view = new OperationView()
  /** The operation that the view shows. */
  private source: Operation | null = null
  private readonly truncates = new TruncateAnnotation()
  private readonly messages: ReadonlyMap<string, BuiltInProcessor>
  private readonly queues: ReadonlyMap<string, QueueRule>
  private readonly users: ReadonlyMap<string, GuardedProcessor>
  /** Those whose hooks see every transaction. */
  private readonly beginners: readonly GuardedProcessor[]
  private readonly committers: readonly GuardedProcessor[]

  /** Throws CONFIG_INVALID, NOT_AVAILABLE; PROCESSOR_INVALID when a processor the rules name is not given. */
  constructor(options: ProducerOptions) {
    const { rules, sink, processors = new Map(), formats = [], notify = () => {} } = options
    const { keys = new Map(), lookups = new Map(), now = Date.now, randomBytes = systemRandomBytes } = options
    const protections = new ColumnProtections({ keys, now, randomBytes })
    this.monitors = new Monitors(rules.monitors ?? [], sink)
    this.catalog = new Catalog({ rules, sink, formats, protections, lookups, monitors: this.monitors, notify })
    this.output = new RecordOutput(sink, operation => this.byDefault(operation))
    this.users = guarded(rules, processors, this.output)
    this.beginners = [...this.users.values()].filter(user => user.processor.begin !== undefined)
    this.committers = [...this.users.values()].filter(user => user.processor.commit !== undefined)
    this.queues = new Map(rules.queues?.map(rule => [rule.queue, rule]))
    this.messages = new Map<string, BuiltInProcessor>([
      ...rules.outbox.messages.map(
        rule =>
          [
            rule.prefix,
            named(messagesOf(rule), new OutboxMessageProcessor(rule, { sink, protections, notify }), sink)
          ] as const
      ),
      ...[...this.queues].map(
        ([queue, rule]) => [queue, named(queueOf(queue), new QueueProcessor(rule, sink), sink)] as const
      )
    ])
  }

  /**
   * A table's definition, before its first operation and after each change. Throws TABLE_WITHOUT_KEY, COLUMN_UNKNOWN,
   * ROW_UNSUITABLE, PROCESSOR_FAILED.
   */
  schema(table: Table): void {
    const route = this.catalog.compile(table)
    this.userOf(route)?.table('schema', table)
  }

  /** Resolves when every format can write the tables it has been told; null: at once. Hold operations until then. */
  ready(): Promise<void> | null {
    return this.catalog.ready()
  }

  begin(transaction: TransactionContext): void {
    this.truncates.clear()
    this.monitors.begin(transaction)
    for (const user of this.beginners) user.transaction('begin', transaction)
  }

  /** Throws ROW_UNSUITABLE, RECORD_TOO_LARGE, PROCESSOR_FAILED, and what `schema` throws. */
  process(operation: Operation): void {
    try {
      if (operation.kind === 'truncate') this.truncate(operation)
      else if (operation.kind === 'message') this.message(operation)
      else this.row(operation)
    } catch (error) {
      throw placed(error, operation)
    }
  }

  commit(transaction: TransactionContext): void {
    for (const user of this.committers) user.transaction('commit', transaction)
    this.monitors.commit()
    this.truncates.write(this.output.sink)
    this.catalog.trim()
  }

  refreshStart(table: Table): void {
    this.userOf(this.catalog.route(table))?.table('refreshStart', table)
  }

  refreshEnd(table: Table): void {
    this.userOf(this.catalog.route(table))?.table('refreshEnd', table)
  }

  private row(operation: Operation): void {
    const route = this.catalog.route(tableOf(operation))
    if (route === null) return
    if (route.watches !== null && this.monitors.isWatching) for (const watch of route.watches) watch.see(operation)
    if (route.processor === null) {
      route.builtIn.process(operation, this.output)
      return
    }
    const shaped = route.main === null ? operation : route.main.shape(operation)
    if (shaped === null) {
      // Outside the main output's filter; further outputs may have filters of their own.
      route.builtIn.process(operation, this.output)
      return
    }
    this.source = operation
    this.userOf(route)!.process(this.view.show(shaped, route.keyFormat))
  }

  private message(operation: Operation): void {
    if (operation.message === null) return
    const { prefix } = operation.message
    const file = this.queues.get(prefix)?.processor ?? null
    if (file === null) this.messages.get(prefix)?.process(operation, this.output)
    else {
      this.source = operation
      this.users.get(file)!.process(this.view.show(operation, null))
    }
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
      if (user?.processor.truncate !== undefined) user.truncate(this.view.show(operation, null, table))
    }
  }

  private byDefault(operation: Operation): void {
    if (operation.kind === 'message') this.messageByDefault(operation)
    else if (operation.kind !== 'truncate') this.rowByDefault(operation)
  }

  private messageByDefault(operation: Operation): void {
    this.messages.get(operation.message!.prefix)?.process(operation, this.output)
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

function messagesOf({ prefix, place }: OutboxMessageRule): OutputName {
  return { name: `outbox message ${prefix}`, place }
}

function queueOf(queue: string): OutputName {
  return { name: `queue ${queue}`, place: null }
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
  output: RecordOutput
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
    users.set(file, new GuardedProcessor(processor, file, output))
  }
  return users
}
