import type { OutputRule, ProducerRules } from '@tidemark/kcop/rules.ts'
import { queueRules } from './mq-configuration.ts'
import {
  subjectKeysTopicOf,
  type OutboxEventConfiguration,
  type OutputConfiguration,
  type SubscriptionConfiguration
} from './configuration.ts'

/** What the producer needs of the configuration, in its words. */
export function producerRules(configuration: SubscriptionConfiguration): ProducerRules {
  const subjectKeysTopic = subjectKeysTopicOf(configuration)
  return {
    ...(subjectKeysTopic === null ? {} : { subjectKeysTopic }),
    tables: configuration.tables.map(({ qualifiedName, processor, onFailure, also, ...output }) => ({
      ...outputRule(output),
      qualifiedName,
      processor,
      onFailure,
      also: also.map(outputRule)
    })),
    monitors: configuration.monitors,
    keys: configuration.keys,
    lookups: configuration.lookups,
    tableLookups: configuration.tableLookups,
    deadLetters: configuration.deadLetters?.topic ?? null,
    outbox: {
      tables: configuration.outbox.tables.map(outboxRule),
      messages: configuration.outbox.messages.map(outboxRule)
    },
    queues: configuration.mq === undefined ? [] : queueRules(configuration.mq)
  }
}

function outboxRule<T extends OutboxEventConfiguration>(outbox: T) {
  const { additional, ...rest } = outbox
  return { ...rest, additional: additional.map(({ column, as, name }) => ({ column, as, name })) }
}

function outputRule(output: OutputConfiguration): OutputRule {
  const { topic, format, key, deletes, columns, headers, partition, filter, place, places } = output
  return { topic, format, key, deletes, columns, headers, partition, filter, place, places }
}
