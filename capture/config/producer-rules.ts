import { tableRule, type ProducerRules } from '@tidemark/kcop/rules.ts'
import type { Configuration, OutboxTableConfiguration } from './configuration.ts'

/** What the producer needs of the configuration, in its words. */
export function producerRules(configuration: Configuration): ProducerRules {
  return {
    tables: configuration.tables.map(({ qualifiedName, topic, format, key, deletes, processor }) =>
      tableRule(qualifiedName, '', { topic, format, key, deletes, processor })
    ),
    outbox: { tables: configuration.outbox.tables.map(outboxRule), messages: configuration.outbox.messages }
  }
}

function outboxRule(table: OutboxTableConfiguration): ProducerRules['outbox']['tables'][number] {
  const { additional, ...rest } = table
  return { ...rest, additional: additional.map(({ column, as, name }) => ({ column, as, name })) }
}
