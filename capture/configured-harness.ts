import { decodedValue } from '@tidemark/kcop/display/avro-value.ts'
import type { LookupTables } from '@tidemark/kcop/enrichment/lookup-table.ts'
import { ProcessorHarness } from '@tidemark/kcop/testing/index.ts'
import { readSubscription, type Environment } from './config/configuration-file.ts'
import { configuredProducer } from './preview/preview-producer.ts'

/**
 * A harness with everything a configuration file says: outputs, formats, filters, protections, monitors, lookups and processors,
 * by the agent's own code. Nothing is contacted; Avro is decoded by the schemas that would be registered. `environment`: what
 * `${NAME}` in the file stands for; `lookups`: rows of captured tables that lookups read, by the lookup's name, made by
 * `lookupTable`. Throws the file's first fault, and PROCESSOR_INVALID, KEY_INVALID, LOOKUP_INVALID.
 */
export async function configuredHarness(
  file: string,
  environment: Environment = process.env,
  lookups: LookupTables = new Map()
): Promise<ProcessorHarness> {
  const read = readSubscription(file, environment)
  if ('faults' in read) throw read.faults[0]!
  const { options, schemas } = await configuredProducer(read.configuration, () => {})
  const configured = { ...options, lookups: new Map([...(options.lookups ?? []), ...lookups]) }
  return new ProcessorHarness({ configured, valueOf: bytes => decodedValue(bytes, schemas).value })
}
