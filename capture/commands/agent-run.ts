import { formatLsn, lsnFromBytes, type PositionBytes } from '@tidemark/schemas/position.ts'
import { crashPoint } from '../delivery/crash-point.ts'
import { describeError, type Log } from '../log.ts'
import { positionText } from '../mq/position.ts'
import { tellQueueEvent } from './queue-events.ts'
import { openSubscription, type SubscriptionEvent } from '../subscription.ts'
import type { RunRequest } from './run.ts'

const progressMs = 10_000

/** The agent with its events in the log, until it is told to stop. Rejects with the error that no retry mends. */
export async function runAgent({ configuration, agent, log, signal, environment }: RunRequest): Promise<void> {
  const where = configuration.mq === undefined ? lsnText : positionText
  const progress = new Progress(log, where)
  const crash = crashPoint(environment)
  const subscription = await openSubscription({
    configuration,
    agent,
    onEvent: event => {
      progress.count(event)
      tell(log, event, where)
    },
    onReached: crash,
    log: log.settings
  })
  const timer = setInterval(() => progress.tell(), progressMs)
  try {
    await subscription.run(signal)
    progress.tell()
    log.info('agent.stopped', 'drained and stopped')
  } finally {
    clearInterval(timer)
    await subscription.close()
  }
}

/** What was settled, told now and then rather than for each flush. */
class Progress {
  private readonly log: Log
  private readonly where: (position: PositionBytes) => string
  private transactions = 0
  private position: PositionBytes | null = null
  /** Since the agent's start; one that is processed again after an interruption counts again. */
  private readonly failures = { parked: 0, skipped: 0 }
  private failuresTold = 0

  constructor(log: Log, where: (position: PositionBytes) => string) {
    this.log = log
    this.where = where
  }

  count(event: SubscriptionEvent): void {
    if (event.type === 'operation-failed') this.failures[event.outcome]++
    if (event.type !== 'settled') return
    this.transactions += event.transactions
    this.position = event.position
  }

  tell(): void {
    const { parked, skipped } = this.failures
    if (parked + skipped > this.failuresTold) {
      this.failuresTold = parked + skipped
      this.log.warn('agent.failures', `${parked} operations parked and ${skipped} skipped since the start`, {
        parked,
        skipped
      })
    }
    if (this.position === null) return
    const position = this.where(this.position)
    const { transactions } = this
    this.log.info('agent.progress', `${transactions} transactions, settled up to ${position}`, {
      transactions,
      position
    })
    this.transactions = 0
    this.position = null
  }
}

function tellUntrimmed(log: Log, error: unknown): void {
  const { event: code, ...fields } = describeError(error)
  const message = error instanceof Error ? error.message : String(error)
  log.warn('stream.untrimmed', `the commit stream could not be trimmed and grows: ${message}`, { code, ...fields })
}

function lsnText(position: PositionBytes): string {
  return formatLsn(lsnFromBytes(position))
}

function tell(log: Log, event: SubscriptionEvent, where: (position: PositionBytes) => string): void {
  switch (event.type) {
    case 'waiting':
      return log.info('agent.waiting', 'connecting to the source, to hold it alone')
    case 'lookups-loaded': {
      const told = event.lookups.map(
        ({ name, table, rows, bytes }) => `${name}: ${rows} rows of ${table}, ${bytes} bytes`
      )
      return log.info('agent.lookups', `read in ${event.tookMs} ms: ${told.join('; ')}`, { lookups: event.lookups })
    }
    case 'slot-held': {
      const { slot, pid, applicationName } = event.holder
      const by = pid === null ? 'another process' : `pid ${pid} (${applicationName ?? 'unnamed'})`
      return log.warn('agent.standby', `slot ${slot} is held by ${by}; waiting for it`, { pid })
    }
    case 'owner': {
      const position = where(event.position)
      const text = `owner of epoch ${event.epoch}, going on after transaction ${event.sequence} at ${position}`
      return log.info('agent.owner', text, { epoch: event.epoch, sequence: event.sequence, position })
    }
    case 'settled':
      return log.debug('agent.settled', `${event.transactions} transactions`, { transactions: event.transactions })
    case 'pressure':
      return log.debug('agent.pressure', event.high ? 'reading is paused' : 'reading goes on')
    case 'mq':
      return tellQueueEvent(log, event.event)
    case 'interrupted':
      return log.failure(event.error, { retryInMs: event.retryInMs })
    case 'held': {
      const { topic, partition } = event.hold
      return log.warn('kafka.held', `waiting for ${topic} partition ${partition} to take records`, { topic, partition })
    }
    case 'released': {
      const { topic, partition } = event.hold
      const text = `${topic} partition ${partition} takes records again after ${Math.round(event.heldMs)} ms`
      return log.info('kafka.released', text, { topic, partition })
    }
    case 'topic-created':
      return log.info('kafka.topic-created', `created topic ${event.topic} with ${event.partitions} partitions`)
    case 'operation-failed':
      return
    case 'notice':
      return log.warn('producer.notice', event.notice.message, { count: event.notice.count })
    case 'renewal':
      return log.info('agent.renewal', 'claiming anew, so that the commit stream can be trimmed to here later')
    case 'trimmed':
      return log.info('stream.trimmed', `the commit stream begins at offset ${event.offset} now`, {
        offset: event.offset
      })
    case 'trim-failed':
      return tellUntrimmed(log, event.error)
    case 'drained':
      return log.debug('agent.drained', 'everything committed so far is named and settled')
  }
}
