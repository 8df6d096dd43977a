import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { MqSubscription } from '../config/configuration.ts'
import { errorOf } from '../mq/failed-event.ts'
import { mqSourceOptions } from '../mq/mq-options.ts'
import { lookAtQueues } from '../mq/mq-source.ts'
import type { QueueFacts } from '../preflight/queue-findings.ts'
import type { ExitCode, Invocation } from './invocation.ts'

/**
 * `tidemark retire` for queues. A queue manager keeps nothing for a subscription, so there is nothing to drop: it says
 * what is left where, and refuses while an agent runs. Throws what `lookAtQueues` throws, and MQ_QUEUE_IN_USE.
 */
export async function retireQueues(invocation: Invocation, configuration: MqSubscription): Promise<ExitCode> {
  const facts = await lookAtQueues(mqSourceOptions(configuration), process.env)
  refuseRunning(facts)
  invocation.answer({ ok: true, dropped: [], left: leftOn(facts), findings: [] }, leftText(facts, configuration))
  return 0
}

function refuseRunning({ queues }: QueueFacts): void {
  for (const { queue, fault } of queues) {
    if (fault === null) continue
    if (fault.code !== 'MQ_QUEUE_IN_USE') throw errorOf(fault)
    throw new TidemarkError('MQ_QUEUE_IN_USE', {
      message: `queue ${queue} is open exclusively in a program: an agent runs`,
      place: queue,
      cure: 'stop the agent first'
    })
  }
}

function leftOn({ queues }: QueueFacts): { queue: string; messages: number | null }[] {
  return queues.map(({ queue, attributes }) => ({ queue, messages: attributes?.depth ?? null }))
}

function leftText(facts: QueueFacts, { subscription, commitStream }: MqSubscription): string {
  const left = leftOn(facts).map(
    ({ queue, messages }) => `  queue ${queue}: ${messages ?? 'an unknown number of'} messages`
  )
  return [
    `nothing to drop: the queue manager keeps nothing for ${subscription}. What is not captured stays where it is:`,
    ...left,
    `Topics and their records stay, and so does ${commitStream}: with it, \`tidemark run\` goes on where it ended.`,
    "A queue that gets copies (STREAMQ) fills from now on: ALTER QLOCAL(<queue>) STREAMQ(' ') ends that.",
    ''
  ].join('\n')
}
