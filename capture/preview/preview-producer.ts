import { CollectingSink } from '@tidemark/kcop/display/collecting-sink.ts'
import { DerivedSchemas } from '@tidemark/kcop/display/avro-value.ts'
import { loadLookups } from '@tidemark/kcop/enrichment/lookup-file.ts'
import type { Notify } from '@tidemark/kcop/notice.ts'
import { loadProcessors } from '@tidemark/kcop/processor-file.ts'
import { Producer, type ProducerOptions } from '@tidemark/kcop/producer.ts'
import { loadKeys } from '@tidemark/kcop/protection/key-files.ts'
import type { Configuration, MqSubscription } from '../config/configuration.ts'
import { producerRules } from '../config/producer-rules.ts'
import { formatsWith } from '../formats.ts'

/** What the agent's producer is made of, but for its sink; Avro schemas are derived and not registered. */
export interface ConfiguredProducer {
  options: Omit<ProducerOptions, 'sink'>
  schemas: DerivedSchemas
}

/** Loads processors, keys and lookups. Throws PROCESSOR_INVALID, KEY_INVALID, LOOKUP_INVALID. */
export async function configuredProducer(
  configuration: Configuration | MqSubscription,
  notify: Notify
): Promise<ConfiguredProducer> {
  const rules = producerRules(configuration)
  const processors = await loadProcessors(rules)
  const schemas = new DerivedSchemas()
  const formats = configuration.mq === undefined ? formatsWith(configuration, schemas) : []
  const keys = loadKeys(configuration.keys)
  const lookups = loadLookups(configuration.lookups)
  return { options: { rules, processors, formats, keys, lookups, notify }, schemas }
}

/** The producer of the agent around a sink that only collects. */
export function collectingProducer({ options }: ConfiguredProducer): { producer: Producer; sink: CollectingSink } {
  const sink = new CollectingSink()
  return { sink, producer: new Producer({ ...options, sink }) }
}
