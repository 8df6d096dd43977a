import { unwatched, type CallWatch } from '@tidemark/kcop/call-watch.ts'
import { CollectingSink } from '@tidemark/kcop/display/collecting-sink.ts'
import { DerivedSchemas } from '@tidemark/kcop/display/avro-value.ts'
import type { LookupTables } from '@tidemark/kcop/enrichment/lookup-table.ts'
import { loadLookups } from '@tidemark/kcop/enrichment/lookup-file.ts'
import type { Notify } from '@tidemark/kcop/notice.ts'
import { loadProcessors } from '@tidemark/kcop/processor-file.ts'
import { Producer, type ProducerOptions } from '@tidemark/kcop/producer.ts'
import { loadKeys } from '@tidemark/kcop/protection/key-files.ts'
import type { Configuration, MqSubscription } from '../config/configuration.ts'
import { producerRules } from '../config/producer-rules.ts'
import { formatsWith } from '../formats.ts'
import type { RunningProcessors } from '../running-processors.ts'

/** What the agent's producer is made of, but for its sink; Avro schemas are derived and not registered. */
export interface ConfiguredProducer {
  options: Omit<ProducerOptions, 'sink'>
  schemas: DerivedSchemas
}

/** Loads keys, lookups and, when they are not running already, processors. Throws PROCESSOR_INVALID, KEY_INVALID, LOOKUP_INVALID. */
export async function configuredProducer(
  configuration: Configuration | MqSubscription,
  notify: Notify,
  running: Pick<RunningProcessors, 'processors' | 'calls'> | null = null
): Promise<ConfiguredProducer> {
  const rules = producerRules(configuration)
  const processors = running?.processors ?? (await loadProcessors(rules))
  const schemas = new DerivedSchemas()
  const formats = configuration.mq === undefined ? formatsWith(configuration, schemas) : []
  const keys = loadKeys(configuration.keys)
  const lookups = loadLookups(configuration.lookups)
  const calls = running === null ? unwatched : withoutTurns(running.calls)
  return { options: { rules, processors, calls, formats, keys, lookups, notify }, schemas }
}

/** Nothing has to be sent in time while records are only shown: operations wait for no turn of the event loop. */
function withoutTurns(calls: CallWatch): CallWatch {
  return {
    label: what => calls.label(what),
    enter: label => calls.enter(label),
    leave: () => calls.leave(),
    turn: () => null
  }
}

/** The producer of the agent around a sink that only collects. `captured`: lookups in captured tables. */
export function collectingProducer(
  { options }: ConfiguredProducer,
  captured: LookupTables = new Map()
): { producer: Producer; sink: CollectingSink } {
  const sink = new CollectingSink()
  const lookups = new Map([...(options.lookups ?? []), ...captured])
  return { sink, producer: new Producer({ ...options, lookups, sink }) }
}
