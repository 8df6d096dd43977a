import { readFileSync } from 'node:fs'
import { configuredFormats } from '@tidemark/kcop/configured-formats.ts'
import type { Format } from '@tidemark/kcop/format.ts'
import type { Notify } from '@tidemark/kcop/notice.ts'
import { RegistryClient } from '@tidemark/kcop/registry/registry-client.ts'
import { SchemaRegistry } from '@tidemark/kcop/registry/schema-registry.ts'
import type { Configuration, MqSubscription } from './config/configuration.ts'
import { systemSurroundings } from './system-surroundings.ts'

const { version } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8')) as { version: string }

/** The formats of a subscription, for all its owners: schemas that are registered stay known. */
export interface SubscriptionFormats {
  formats: readonly Format[]
  /** Gives up what still waits for the registry. */
  close(): void
}

/** A subscription to queues has no rows, so no formats of rows. */
export function openFormats(configuration: Configuration | MqSubscription, notify: Notify): SubscriptionFormats {
  if (configuration.mq !== undefined) return { formats: [], close: () => {} }
  const { registry } = configuration
  if (registry === null) return { formats: formatsWith(configuration, null), close: () => {} }
  const { delay } = systemSurroundings
  const schemas = new SchemaRegistry({ client: new RegistryClient(registry), delay, notify })
  return { formats: formatsWith(configuration, schemas), close: () => schemas.close() }
}

/** `schemas`: where Avro's are registered; null: there is no registry. */
export function formatsWith(configuration: Configuration, schemas: Pick<SchemaRegistry, 'entry'> | null): Format[] {
  const { subscription, topics, registry, debezium, postgres } = configuration
  return configuredFormats({
    subscription,
    topicPrefix: topics.prefix,
    database: decodeURIComponent(new URL(postgres.url).pathname.slice(1)),
    version,
    decimals: debezium.decimal,
    registry: registry === null || schemas === null ? null : { schemas, subjects: registry.subjects },
    now: systemSurroundings.now
  })
}
