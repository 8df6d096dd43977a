import type { CallWatch } from '@tidemark/kcop/call-watch.ts'
import { unwatched } from '@tidemark/kcop/call-watch.ts'
import { loadProcessors } from '@tidemark/kcop/processor-file.ts'
import type { Processor } from '@tidemark/kcop/processor.ts'
import { producerRules } from './config/producer-rules.ts'
import { secretsOf } from './config/redaction.ts'
import type { Configuration, MqSubscription } from './config/configuration.ts'
import type { LogSettings } from './log.ts'
import { strayFailures } from './watchdog/stray-failures.ts'
import { Watchdog } from './watchdog/watchdog.ts'

/** The user processors of a subscription, loaded and looked after while they are run. */
export interface RunningProcessors {
  /** By file. */
  readonly processors: ReadonlyMap<string, Processor>
  readonly calls: CallWatch
  /** As `work`; rejects with PROCESSOR_STRAY when something a processor left behind fails meanwhile. */
  during<Result>(work: Promise<Result>): Promise<Result>
  close(): Promise<void>
}

const none: RunningProcessors = {
  processors: new Map(),
  calls: unwatched,
  during: work => work,
  close: () => Promise.resolve()
}

/** Nothing is started where the configuration names no processor. Throws PROCESSOR_INVALID. */
export async function startProcessors(
  configuration: Configuration | MqSubscription,
  log?: LogSettings
): Promise<RunningProcessors> {
  const rules = producerRules(configuration)
  const files = [...rules.tables, ...(rules.queues ?? [])].flatMap(({ processor }) => processor ?? [])
  if (files.length === 0) return none
  const watchdog = new Watchdog({ ...configuration.processors, log: log ?? plainLog(configuration) })
  try {
    const processors = await loadProcessors(rules, watchdog)
    const stray = strayFailures(process, files)
    return {
      processors,
      calls: watchdog,
      during: work => Promise.race([work, stray.failed]),
      close: async () => {
        stray.forget()
        await watchdog.close()
      }
    }
  } catch (error) {
    await watchdog.close()
    throw error
  }
}

function plainLog(configuration: Configuration | MqSubscription): LogSettings {
  const { subscription } = configuration
  return { format: 'console', level: 'info', subscription, secrets: secretsOf(configuration), color: false }
}
