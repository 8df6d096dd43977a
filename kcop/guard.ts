import type { ErrorCode } from '@tidemark/schemas/error-codes.ts'
import type { Operation, TransactionContext } from '@tidemark/schemas/operation.ts'
import type { Table } from '@tidemark/schemas/table.ts'
import { isTidemarkError, TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { CallWatch } from './call-watch.ts'
import type { RecordOutput } from './output.ts'
import type { Processor, ProcessorOperation } from './processor.ts'

/** Errors that are the processor's own doing; others (a fenced producer, a record too large) pass as they are. */
const ownErrors: ReadonlySet<ErrorCode> = new Set(['ROW_UNSUITABLE', 'COLUMN_UNKNOWN', 'RECORD_INVALID'])
const framesMax = 10
const labelsMax = 10_000

/**
 * Runs a user processor. What it throws becomes PROCESSOR_FAILED naming processor, hook, table and operation, and the
 * line in its file; never the message of a foreign error, which may quote row values.
 */
export class GuardedProcessor {
  readonly processor: Processor
  private readonly file: string
  private readonly output: RecordOutput
  private readonly calls: CallWatch
  /** By what is called. */
  private readonly labels = new Map<string, number>()
  /** Of the call before: operations of one table come one after the other. */
  private lastTable: Table | null = null
  private lastHook = ''
  private lastLabel = 0

  /** `file`: path, for errors. */
  constructor(processor: Processor, file: string, output: RecordOutput, calls: CallWatch) {
    this.calls = calls
    this.processor = processor
    this.file = file
    this.output = output
  }

  process(operation: ProcessorOperation): void {
    this.run('process', operation as Operation, () => this.processor.process(operation, this.output))
  }

  truncate(operation: ProcessorOperation): void {
    this.run('truncate', operation as Operation, () => this.processor.truncate?.(operation, this.output))
  }

  transaction(hook: 'begin' | 'commit', transaction: TransactionContext): void {
    this.run(hook, null, () => this.processor[hook]?.(transaction, this.output))
  }

  table(hook: 'schema' | 'refreshStart' | 'refreshEnd', table: Table): void {
    this.run(`${hook} of ${table.qualifiedName}`, null, () => this.processor[hook]?.(table, this.output))
  }

  private run(hook: string, operation: Operation | null, call: () => unknown): void {
    const label = this.labelOf(hook, operation)
    this.output.enter()
    this.calls.enter(label)
    let thrown: unknown = null
    let returned: unknown
    try {
      returned = call()
    } catch (error) {
      thrown = error ?? new TypeError()
    } finally {
      this.calls.leave()
    }
    // What a call on `out` met comes first: it may have been caught, or thrown on as something else.
    const met = this.output.leave() ?? thrown
    if (met !== null) throw this.failed(hook, operation, met)
    if (isPromise(returned)) throw this.asynchronous(hook, operation, returned)
  }

  private labelOf(hook: string, operation: Operation | null): number {
    const table = operation?.table ?? null
    if (table !== null && table === this.lastTable && hook === this.lastHook) return this.lastLabel
    const label = this.lookedUp(hook, operation)
    this.lastTable = table
    this.lastHook = hook
    this.lastLabel = label
    return label
  }

  private lookedUp(hook: string, operation: Operation | null): number {
    const on = operation?.table?.qualifiedName ?? operation?.message?.prefix ?? ''
    const key = `${hook} ${on}`
    let label = this.labels.get(key)
    if (label !== undefined) return label
    label = this.calls.label(`processor ${this.file}, in ${hook}${on === '' ? '' : ` of ${on}`},`)
    // Prefixes of messages are the source's to choose.
    if (this.labels.size < labelsMax) this.labels.set(key, label)
    return label
  }

  private failed(hook: string, operation: Operation | null, error: unknown): TidemarkError {
    if (isTidemarkError(error, 'OUTPUT_TOO_LARGE')) return this.wroteTooMuch(hook, operation, error)
    if (isTidemarkError(error) && !ownErrors.has(error.code)) return error
    const frames = framesOf(error)
    const frame = frames.find(line => line.includes(this.file))
    const what = isTidemarkError(error) ? `${error.code}: ${error.message}` : nameOf(error)
    return new TidemarkError('PROCESSOR_FAILED', {
      message: `${this.describe(hook, operation)}: ${what}`,
      place: frame === undefined ? this.file : `${this.file}${/:\d+:\d+(?=\)?$)/.exec(frame)?.[0] ?? ''}`,
      ...(isTidemarkError(error) ? { cure: error.cure } : {}),
      cause: isTidemarkError(error) ? error : withoutMessage(error, frames)
    })
  }

  private wroteTooMuch(hook: string, operation: Operation | null, { message }: TidemarkError): TidemarkError {
    return new TidemarkError('OUTPUT_TOO_LARGE', {
      message: `${this.describe(hook, operation)}: ${message}`,
      place: this.file
    })
  }

  private asynchronous(hook: string, operation: Operation | null, promise: PromiseLike<unknown>): TidemarkError {
    // What it rejects with is of no interest: it must not end the agent as an unhandled rejection.
    promise.then(undefined, () => {})
    return new TidemarkError('PROCESSOR_ASYNC', {
      message: `${this.describe(hook, operation)}: it returned a promise, but processors are synchronous`,
      place: this.file
    })
  }

  private describe(hook: string, operation: Operation | null): string {
    const name = `processor ${this.processor.name}`
    if (operation === null) return `${name} failed in ${hook}`
    const on = operation.table === null ? operation.kind : `${operation.kind} on ${operation.table.qualifiedName}`
    return `${name} failed in ${hook} of ${on}, operation ${operation.ordinal} of transaction ${operation.transaction.sourceId}`
  }
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}

/** Class of a foreign error; its message may quote row values. */
function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return `it threw ${error === null ? 'null' : `a value of type ${typeof error}`}`
  return /^[A-Za-z]{1,64}$/.test(error.name) ? error.name : 'Error'
}

function framesOf(error: unknown): string[] {
  if (!(error instanceof Error) || typeof error.stack !== 'string') return []
  const lines = error.stack.split('\n')
  return lines.filter(line => /^\s+at .*:\d+:\d+\)?$/.test(line)).slice(0, framesMax)
}

function withoutMessage(error: unknown, frames: readonly string[]): Error {
  const plain = new Error('its message is withheld, since it may quote row values')
  plain.stack = [nameOf(error), ...frames].join('\n')
  return plain
}
