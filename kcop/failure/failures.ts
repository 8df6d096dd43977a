import type { ErrorCode } from '@tidemark/schemas/error-codes.ts'
import { isTidemarkError, TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { RepeatedNotice, type Notify } from '../notice.ts'
import { BY_KEY, type AnnotatedSink, type Topic } from '../record-sink.ts'
import type { OnFailure } from '../rules.ts'
import { letterOf, type FailedOperation } from './dead-letter.ts'
import type { StagedSink } from './staged-sink.ts'

/** What one operation may be guilty of. All else (an unknown column, a lost broker, a full list) stops whatever is declared. */
const ofOperations: ReadonlySet<ErrorCode> = new Set([
  'PROCESSOR_FAILED',
  'OUTPUT_TOO_LARGE',
  'RECORD_INVALID',
  'RECORD_TOO_LARGE',
  'ROW_UNSUITABLE'
])
/** Tables and codes told apart in the log. */
const noticesMax = 1_000

export interface FailuresOptions {
  sink: AnnotatedSink
  /** What operations write to. */
  stage: StagedSink
  /** Topic of dead letters; null: nothing is parked. */
  deadLetters: string | null
  notify: Notify
  /** Told of each operation that was set aside or left out. */
  onFailed?: ((outcome: 'parked' | 'skipped') => void) | undefined
}

/**
 * Carries out what is declared for operations that fail: their whole output is withdrawn, then they are parked (a dead
 * letter and an entry in the commit stream, both of the same transaction) or skipped.
 */
export class Failures {
  private readonly options: FailuresOptions
  private readonly topic: Topic | null
  private readonly notices = new Map<string, RepeatedNotice>()

  constructor(options: FailuresOptions) {
    this.options = options
    this.topic = options.deadLetters === null ? null : options.sink.topic(options.deadLetters)
  }

  /**
   * The operation has been processed, with `error` or null: hands its output on, or does with it what `policy` says.
   * `describe` copies what a letter may show, while the operation is valid. null: done; else it resolves when it is, and
   * nothing may be processed before. Throws, or rejects with, what stops.
   */
  settle(error: unknown, policy: OnFailure, describe: () => FailedOperation): Promise<void> | null {
    if (error !== null) {
      this.options.stage.discard()
      if (!isFailureOf(error)) throw error as Error
      return this.failed(error, policy, describe)
    }
    const wait = this.options.stage.known()
    if (wait !== null) {
      const description = describe()
      return wait.then(() => this.release(policy, () => description) ?? undefined)
    }
    return this.release(policy, describe)
  }

  private release(policy: OnFailure, describe: () => FailedOperation): Promise<void> | null {
    const { stage } = this.options
    try {
      stage.release()
      return null
    } catch (error) {
      stage.discard()
      if (!isFailureOf(error)) throw error
      return this.failed(error, policy, describe)
    }
  }

  private failed(error: TidemarkError, policy: OnFailure, describe: () => FailedOperation): Promise<void> | null {
    if (policy === 'stop') throw error
    const description = describe()
    if (policy === 'skip') {
      this.options.onFailed?.('skipped')
      this.tell(policy, description, error)
      return null
    }
    const wait = this.options.sink.known?.(this.topic!) ?? null
    if (wait !== null) return wait.then(() => this.park(description, error))
    this.park(description, error)
    return null
  }

  private park(failed: FailedOperation, error: TidemarkError): void {
    const { sink } = this.options
    const topic = this.topic!
    const place = sink.place?.() ?? null
    const key = Buffer.from(failed.from)
    const value = this.fitting(failed, error, place)
    sink.park?.({ operation: failed.ordinal, table: failed.from, reason: error.code })
    sink.writesAs?.({ name: 'dead letters', place: null })
    sink.append(topic, BY_KEY, key, 0, key.length, value, 0, value.length, failed.headers)
    sink.writesAs?.(null)
    this.options.onFailed?.('parked')
    this.tell('park', failed, error)
  }

  /** With the row if the topic takes it, else without. Throws RECORD_TOO_LARGE when it takes neither. */
  private fitting(failed: FailedOperation, error: TidemarkError, place: Parameters<typeof letterOf>[2]): Buffer {
    const { sink } = this.options
    const around = failed.from.length + (failed.headers === null ? 0 : failed.headers.end)
    const whole = letterOf(failed, error, place, true)
    try {
      sink.admit?.(this.topic!, BY_KEY, around + whole.length)
      return whole
    } catch (refusal) {
      if (!isTidemarkError(refusal, 'RECORD_TOO_LARGE')) throw refusal
    }
    const short = letterOf(failed, error, place, false)
    try {
      sink.admit?.(this.topic!, BY_KEY, around + short.length)
      return short
    } catch (refusal) {
      throw isTidemarkError(refusal, 'RECORD_TOO_LARGE') ? tooLarge(failed, this.topic!, error, refusal) : refusal
    }
  }

  private tell(policy: OnFailure, { from }: FailedOperation, error: TidemarkError): void {
    const key = `${from} ${error.code}`
    let notice = this.notices.get(key)
    if (notice === undefined) {
      const what = policy === 'park' ? `were parked in ${this.topic!.name}` : 'were skipped'
      const at = error.place === undefined ? '' : ` (${error.place})`
      const text = `operations on ${from} ${what}; the first one: ${error.code}: ${error.message}${at}`
      notice = new RepeatedNotice(this.options.notify, 'error', text)
      if (this.notices.size < noticesMax) this.notices.set(key, notice)
    }
    notice.happened()
  }
}

function isFailureOf(error: unknown): error is TidemarkError {
  return isTidemarkError(error) && ofOperations.has(error.code)
}

/** `error`: what the operation had failed with. */
function tooLarge(failed: FailedOperation, topic: Topic, error: TidemarkError, cause: TidemarkError): TidemarkError {
  return new TidemarkError('RECORD_TOO_LARGE', {
    message: `operation ${failed.ordinal} on ${failed.from} failed (${error.code}), and its dead letter is too large`,
    place: topic.name,
    cure: `raise max.message.bytes of ${topic.name}, up to the 1000000 bytes a batch may have, or correct what fails`,
    cause
  })
}
