import type { ExitCode, Invocation } from '@tidemark/capture/commands/invocation.ts'
import { stopSignals } from '@tidemark/capture/commands/stop-signals.ts'
import type { Log } from '@tidemark/capture/log.ts'
import { MqSink, type SinkEvent } from './mq-sink.ts'
import { beginState } from './sink-apply.ts'
import { readSink, sinkSecrets } from './sink-configuration.ts'
import { sinkOptions } from './sink-parts.ts'
import type { Place } from './sink-state.ts'

const progressMs = 10_000

/** `tidemark-mq-sink run`: until it is told to stop, or until an error that no retry mends. */
export async function run(invocation: Invocation): Promise<ExitCode> {
  const configuration = invocation.settings(readSink, sinkSecrets)
  if (configuration === null) return 1
  const log = invocation.log({ subscription: configuration.sink })
  const stop = stopSignals(process)
  const progress = new Progress(log)
  const timer = setInterval(() => progress.tell(), progressMs)
  try {
    if (invocation.options['apply'] === true) {
      await beginState(configuration, process.env, () =>
        tell(log, { type: 'standby', queue: configuration.stateQueue })
      )
    }
    const sink = new MqSink({
      ...sinkOptions(configuration, process.env),
      onEvent: event => {
        progress.count(event)
        tell(log, event)
      }
    })
    progress.lagOf = () => sink.lag()
    await sink.run(stop.signal)
    progress.tell()
    log.info('sink.stopped', 'committed what was complete and stopped')
    return 0
  } catch (error) {
    log.failure(error)
    return 1
  } finally {
    clearInterval(timer)
    stop.forget()
  }
}

/** What was committed, told now and then rather than for each unit of work. */
class Progress {
  lagOf: () => { records: number; ms: number } = () => ({ records: 0, ms: 0 })
  private readonly log: Log
  private units = 0
  private transactions = 0
  private messages = 0
  private place: Place | null = null

  constructor(log: Log) {
    this.log = log
  }

  count(event: SinkEvent): void {
    if (event.type !== 'committed') return
    this.units++
    this.transactions += event.transactions
    this.messages += event.messages
    this.place = event.place
  }

  tell(): void {
    if (this.place === null) return
    const { units, transactions, messages, place } = this
    const { records: lagRecords, ms: lagMs } = this.lagOf()
    const text = `${transactions} transactions, ${messages} messages in ${units} units of work`
    this.log.info('sink.progress', text, {
      transactions,
      messages,
      units,
      lagRecords,
      lagMs: Math.round(lagMs),
      ...place
    })
    this.units = this.transactions = this.messages = 0
    this.place = null
  }
}

function tell(log: Log, event: SinkEvent): void {
  switch (event.type) {
    case 'standby':
      return log.warn('sink.standby', `state queue ${event.queue} is open in another program; waiting for it`)
    case 'opened':
      return log.info('sink.owner', 'holds the state queue alone', { ...event.place })
    case 'committed':
      return log.debug('sink.committed', `${event.transactions} transactions`, {
        transactions: event.transactions,
        messages: event.messages
      })
    case 'interrupted':
      return log.failure(event.error, { retryInMs: event.retryInMs })
    case 'drained':
      return log.debug('sink.drained', 'everything complete is committed')
  }
}
