import type { ExitCode, Invocation } from '@tidemark/capture/commands/invocation.ts'
import { askPutter } from './mq-sink.ts'
import { readSink, sinkSecrets, type SinkConfiguration } from './sink-configuration.ts'
import { firstState, putterOptions, retryMs, sourceOf } from './sink-parts.ts'
import { parseState } from './sink-state.ts'

/** `tidemark-mq-sink apply` */
export async function apply(invocation: Invocation): Promise<ExitCode> {
  const configuration = invocation.settings(readSink, sinkSecrets)
  if (configuration === null) return 1
  const { stateQueue } = configuration
  const begun = await beginState(configuration, process.env, () =>
    invocation.say(`state queue ${stateQueue} is open in another program; waiting for it`)
  )
  const text = begun.isNew ? 'put the first state message on' : 'there is a state already on'
  invocation.answer(
    { ok: true, begun: begun.isNew, state: JSON.parse(begun.state) as object },
    `${text} ${stateQueue}\n`
  )
  return 0
}

/** Puts the first state message where there is none. Throws MQ_STATE_INVALID, and as verbs and Kafka do. */
export async function beginState(
  configuration: SinkConfiguration,
  environment: NodeJS.ProcessEnv,
  onWaiting: () => void
): Promise<{ isNew: boolean; state: string }> {
  const first = await firstState(configuration)
  const { state } = await askPutter(
    { do: 'begin', options: putterOptions(configuration), retryMs, state: first },
    'opened',
    environment,
    onWaiting
  )
  parseState(state!, configuration.sink, sourceOf(configuration), configuration.stateQueue)
  return { isNew: state === first, state: state! }
}
