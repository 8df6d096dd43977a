import type { QueueRule } from '../queue-rules.ts'
import {
  alsoRule,
  outboxMessageRule,
  outboxTableRule,
  tableRule,
  type MonitorRule,
  type OutboxMessageRule,
  type OutboxTableRule,
  type OutputRule,
  type ProducerRules,
  type TableRule
} from '../rules.ts'

/** Stands for the file of the processor under test. */
export const ownFile = 'the processor under test'

/** Rules by table, each as far as it is not the default. */
export interface GivenRules {
  /** Begins default topic names: `<prefix>.<schema>.<table>`. Default `test`. */
  prefix?: string
  /** By `schema.name`; a table that is not here is sent as JSON. */
  tables?: Readonly<Record<string, GivenTableRule>>
  /** Outbox tables by `schema.name`. */
  outbox?: Readonly<Record<string, Partial<OutboxTableRule>>>
  /** Logical messages that carry outbox events, by prefix. */
  messages?: Readonly<Record<string, Partial<OutboxMessageRule>>>
  /** Queues by name; messages of a queue go through the processor under test unless `processor: null`. */
  queues?: Readonly<Record<string, Partial<Omit<QueueRule, 'queue'>>>>
  /** Topic of operations that rules with `onFailure: 'park'` set aside. */
  deadLetters?: string
  monitors?: readonly (Pick<MonitorRule, 'name' | 'topic'> & Partial<MonitorRule>)[]
}

export type GivenTableRule = Partial<Omit<TableRule, 'also'>> & {
  also?: readonly (Partial<OutputRule> & { topic: string })[]
}

const monitorDefaults: Omit<MonitorRule, 'name' | 'topic'> = {
  tables: [],
  operations: ['insert', 'update'],
  measure: 'count',
  column: null,
  where: null,
  above: null,
  below: null,
  equals: null,
  per: 'transaction',
  place: null
}

/** `met`: names of the tables that were met, besides those with rules. */
export function harnessRules(given: GivenRules, met: readonly string[], hasProcessor: boolean): ProducerRules {
  const { prefix = 'test', tables = {}, outbox = {}, messages = {}, queues = {}, monitors = [] } = given
  const processor = hasProcessor ? ownFile : null
  const names = new Set([...Object.keys(tables), ...met])
  return {
    tables: [...names]
      .filter(name => !Object.hasOwn(outbox, name))
      .map(name => completed(name, prefix, { processor, ...tables[name] })),
    outbox: {
      tables: Object.entries(outbox).map(([name, rule]) => outboxTableRule(name, rule)),
      messages: Object.entries(messages).map(([prefix, rule]) => outboxMessageRule(prefix, rule))
    },
    queues: Object.entries(queues).map(([queue, rule]) => ({
      queue,
      topic: `${prefix}.${queue}`,
      content: 'bytes',
      repeatedElements: [],
      key: 'none',
      headers: 'all',
      processor,
      onFailure: 'stop',
      ...rule
    })),
    deadLetters: `${prefix}.dead-letters`,
    ...(given.deadLetters === undefined ? {} : { deadLetters: given.deadLetters }),
    monitors: monitors.map(rule => ({ ...monitorDefaults, ...rule }))
  }
}

function completed(name: string, prefix: string, { also = [], ...given }: GivenTableRule): TableRule {
  const rule = tableRule(name, prefix, given)
  return { ...rule, also: also.map(further => alsoRule(rule, further)) }
}
