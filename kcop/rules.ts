/**
 * What a producer does for each table, parsed and complete. The agent's configuration has this shape; nothing here reads
 * files or fills in defaults but the functions at the end.
 */
export interface ProducerRules {
  readonly tables: readonly TableRule[]
  readonly outbox: {
    readonly tables: readonly OutboxTableRule[]
    /** Prefixes of logical messages that carry outbox events. */
    readonly messages: readonly string[]
  }
}

/** What a deleted row becomes: a tombstone, a record with the old content, the content and then the tombstone, nothing. */
export type Deletes = 'tombstone' | 'content' | 'both' | 'none'

export interface TableRule {
  /** `schema.name` */
  readonly qualifiedName: string
  readonly topic: string
  /** `json`, `audit`, `audit-single`, or a format registered with the producer. */
  readonly format: string
  /** Columns of the record key, in order; null: the table's own key. */
  readonly key: readonly string[] | null
  readonly deletes: Deletes
  /** The file of a user processor, as the producer's `processors` knows it. */
  readonly processor: string | null
}

/** A further column of an outbox event, and where its value goes. */
export interface AdditionalField {
  readonly column: string
  readonly as: 'header' | 'envelope' | 'partition'
  /** Of the header or envelope field. */
  readonly name: string
}

/** Debezium's event router: names of the columns (or JSON fields of a logical message) and what is made of them. */
export interface OutboxRule {
  readonly id: string
  readonly key: string
  readonly payload: string
  readonly routeBy: string
  /** Column with a trace context as Java properties; each becomes a header. Ignored when the table has it not. */
  readonly tracing: string
  readonly timestamp: string | null
  readonly schemaVersion: string | null
  readonly additional: readonly AdditionalField[]
  /** Regular expression the whole value of `routeBy` is matched with; a value it does not match is the topic itself. */
  readonly routePattern: string
  /** Topic, with `${name}` for groups of the pattern. */
  readonly topic: string
  /** In an envelope: whether a payload that is JSON text stands there as JSON rather than as a string. */
  readonly expandJson: boolean
  readonly tombstoneOnEmptyPayload: boolean
  readonly onUpdate: 'warn' | 'error' | 'fatal'
}

export interface OutboxTableRule extends OutboxRule {
  readonly qualifiedName: string
}

/** Debezium's documented defaults (event router, "Configuration options"). */
export const outboxDefaults: OutboxRule = Object.freeze({
  id: 'id',
  key: 'aggregateid',
  payload: 'payload',
  routeBy: 'aggregatetype',
  tracing: 'tracingspancontext',
  timestamp: null,
  schemaVersion: null,
  additional: [],
  routePattern: '(?<routedByValue>.*)',
  topic: 'outbox.event.${routedByValue}',
  expandJson: false,
  tombstoneOnEmptyPayload: false,
  onUpdate: 'warn'
})

/** A table's rule with what is not given by default: JSON, its own key, tombstones, topic `<prefix>.<schema>.<table>`. */
export function tableRule(qualifiedName: string, prefix: string, given: Partial<TableRule> = {}): TableRule {
  return {
    qualifiedName,
    topic: `${prefix}.${qualifiedName}`,
    format: 'json',
    key: null,
    deletes: 'tombstone',
    processor: null,
    ...given
  }
}

export function outboxTableRule(qualifiedName: string, given: Partial<OutboxRule> = {}): OutboxTableRule {
  return { ...outboxDefaults, ...given, qualifiedName }
}
