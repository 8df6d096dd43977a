import { avroAuditFormats } from './avro/avro-audit.ts'
import { avroFormat } from './avro/avro-format.ts'
import type { Format } from './format.ts'
import { cloudEventsFormat } from './formats/cloudevents.ts'
import { debeziumAvroFormat } from './formats/debezium/debezium-avro.ts'
import { debeziumFormat } from './formats/debezium/debezium.ts'
import type { DecimalHandling } from './formats/debezium/debezium-type.ts'
import type { SchemaRegistry } from './registry/schema-registry.ts'
import type { SubjectStrategy } from './registry/subject.ts'

/** What formats tell of where rows come from, and need besides the row. */
export interface FormatSurroundings {
  subscription: string
  /** First part of default topic names; `source.name` of Debezium's envelope. */
  topicPrefix: string
  /** Name of the database. */
  database: string
  /** Of this program. */
  version: string
  decimals: DecimalHandling
  /** null: there is none, and no Avro. */
  registry: { schemas: Pick<SchemaRegistry, 'entry'>; subjects: SubjectStrategy } | null
  /** Milliseconds since the Unix epoch. */
  now(): number
}

/** The formats that need more than the row. */
export function configuredFormats(surroundings: FormatSurroundings): Format[] {
  const { subscription, topicPrefix, registry } = surroundings
  const { database, version, decimals, now } = surroundings
  const debezium = { prefix: topicPrefix, database, version, decimals, now }
  const withoutRegistry = [cloudEventsFormat(subscription), debeziumFormat(debezium)]
  if (registry === null) return withoutRegistry
  const registered = { registry: registry.schemas, subjects: registry.subjects }
  return [
    ...withoutRegistry,
    avroFormat({ ...registered, namespace: subscription }),
    ...avroAuditFormats({ ...registered, namespace: subscription }),
    debeziumAvroFormat({ ...debezium, ...registered })
  ]
}
