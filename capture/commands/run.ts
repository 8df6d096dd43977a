import { hostname } from 'node:os'
import type { Configuration, MqSubscription } from '../config/configuration.ts'
import type { Log } from '../log.ts'
import { runAgent } from './agent-run.ts'
import { applyConfiguration } from './apply.ts'
import { applyQueues } from './queue-apply.ts'
import type { ExitCode, Invocation } from './invocation.ts'
import { stopSignals } from './stop-signals.ts'

/** What an agent needs to run one subscription. */
export interface RunRequest {
  configuration: Configuration | MqSubscription
  /** Name of this agent, for people. */
  agent: string
  log: Log
  /** Aborted: drain, then resolve. */
  signal: AbortSignal
  environment: NodeJS.ProcessEnv
}

/** `tidemark run`: the agent until it is told to stop, or until an error that no retry mends. */
export async function run(invocation: Invocation): Promise<ExitCode> {
  const configuration = invocation.subscription()
  if (configuration === null) return 1
  const log = invocation.log(configuration)
  const stop = stopSignals(process)
  try {
    if (invocation.options['apply'] === true) {
      const say = (step: string) => log.info('apply.step', step.trim())
      if (configuration.mq === undefined) await applyConfiguration(configuration, say, stop.signal)
      else await applyQueues(configuration, say)
    }
    await runAgent({ configuration, agent: agentName(invocation), log, signal: stop.signal, environment: process.env })
    return 0
  } catch (error) {
    log.failure(error)
    return 1
  } finally {
    stop.forget()
  }
}

function agentName(invocation: Invocation): string {
  const given = invocation.options['agent']
  return typeof given === 'string' ? given : `${hostname()}:${process.pid}`
}
