import type { QueueRule } from './queue-rules.ts'

/**
 * What a producer does for each table, parsed and complete. The agent's configuration has this shape; nothing here reads
 * files or fills in defaults but the functions at the end.
 */
export interface ProducerRules {
  readonly tables: readonly TableRule[]
  readonly monitors?: readonly MonitorRule[]
  /** Keys that protected columns name. */
  readonly keys?: readonly KeyRule[]
  /** Where data keys of subjects are stored; required where a column is protected so. */
  readonly subjectKeysTopic?: string
  /** Files that derived columns look values up in. */
  readonly lookups?: readonly LookupFileRule[]
  /** Captured tables that derived columns look values up in. */
  readonly tableLookups?: readonly LookupTableRule[]
  readonly outbox: {
    readonly tables: readonly OutboxTableRule[]
    /** Logical messages that carry outbox events. */
    readonly messages: readonly OutboxMessageRule[]
  }
  readonly queues?: readonly QueueRule[]
  /** Topic of dead letters; absent or null: nothing is parked. */
  readonly deadLetters?: string | null
}

/** What becomes of an operation that cannot be processed: the agent stops, it is set aside, or left out. */
export type OnFailure = 'stop' | 'park' | 'skip'

/** What a deleted row becomes: a tombstone, a record with the old content, the content and then the tombstone, nothing. */
export type Deletes = 'tombstone' | 'content' | 'both' | 'none'

/** How one column is protected before any format, processor or header sees it. `key` names one of ProtectionRules. */
export type ColumnProtection =
  | { readonly kind: 'encrypt' | 'rsa' | 'deterministic' | 'tokenise'; readonly key: string }
  /** `encrypt` under a data key of the subject that another column names: destroyed, the value is gone for ever. */
  | { readonly kind: 'encrypt-subject'; readonly key: string; readonly subject: string }
  /** All characters but the last become `character`; a value not longer than `keepLast` is masked whole. */
  | { readonly kind: 'mask'; readonly keepLast: number; readonly character: string }
  /** SHA-256 of the salt and the value, as hexadecimal digits. */
  | { readonly kind: 'hash'; readonly salt: string }

/** Sends a record when an amount over the rows of an operation or a transaction is out of bounds. */
export interface MonitorRule {
  readonly name: string
  readonly topic: string
  /** `schema.table` of each; empty: every captured table, for `count`. */
  readonly tables: readonly string[]
  /** Which operations are looked at; the row after, of a delete the row before. */
  readonly operations: readonly ('insert' | 'update' | 'delete')[]
  readonly measure: 'count' | 'sum' | 'min' | 'max'
  /** Column, for all but `count`. */
  readonly column: string | null
  /** Condition on the row (filter/); null: every row. */
  readonly where: string | null
  /** Decimal digits; all that are given must hold. */
  readonly above: string | null
  readonly below: string | null
  readonly equals: string | null
  readonly per: 'operation' | 'transaction'
  readonly place: string | null
  readonly places?: RulePlaces
}

/** Files of a key that protections name. */
export interface KeyRule {
  readonly name: string
  /** RSA public keys of the readers, PEM. */
  readonly publicKeys: readonly string[]
  /** Secret in base64, for deterministic and tokenise; null: none. */
  readonly secretKey: string | null
  /** A data key serves at most so many values.. */
  readonly rotateAfterValues: number
  /** ..and at most so long. */
  readonly rotateAfterMinutes: number
  /** Where the rule stands, for messages. */
  readonly place: string | null
}

/** Which columns a record has, and how. */
export interface ColumnRules {
  /** Names of the columns sent, in this order (the key's columns always go along); null: all. */
  readonly only: readonly string[] | null
  readonly dropped: readonly string[]
  readonly protected: readonly { readonly column: string; readonly protection: ColumnProtection }[]
  /** Columns made of others, behind those of the table; each may use those before it. */
  readonly derived?: readonly DerivedColumn[]
}

/** A column that the table has not. */
export interface DerivedColumn {
  readonly name: string
  readonly from: { readonly expression: string } | { readonly lookup: LookupColumn }
  /** Whether it may go out as it is although it is made of protected columns. */
  readonly plain: boolean
  /** Where the rule stands, for messages. */
  readonly place: string | null
}

/** The value of column `take` in the row of lookup `in` whose key is the value of column `by`. */
export interface LookupColumn {
  readonly in: string
  readonly by: string
  readonly take: string
  /** What becomes of a row that the lookup has no row for: the column is NULL, or the agent stops. */
  readonly whenMissing: 'empty' | 'stop'
}

/** A file that lookups read. */
export interface LookupFileRule {
  readonly name: string
  readonly file: string
  /** Its column that lookups go by. */
  readonly key: string
  readonly bytesMax: number
  readonly place: string | null
}

/** A captured table that lookups read as it is with the transaction being processed. */
export interface LookupTableRule {
  readonly name: string
  /** `schema.name`; captured by the same subscription, under REPLICA IDENTITY FULL. */
  readonly table: string
  /** Its column that lookups go by: unique, and never NULL. */
  readonly key: string
  /** Its columns that are taken. */
  readonly columns: readonly string[]
  readonly bytesMax: number
  /** Columns that its own records hide: what is taken of them is protected as well, or declared plain. */
  readonly guarded: readonly string[] | 'all'
  readonly place: string | null
}

/** What a header of one's own holds. */
export type HeaderSource = { readonly column: string } | { readonly journal: JournalField } | { readonly text: string }

export type JournalField = 'operation' | 'table' | 'commitTime' | 'transaction' | 'ordinal'

export interface HeaderRule {
  readonly name: string
  readonly from: HeaderSource
}

/** By the record key, by the value of a column (as Kafka would for a key of it), or always the same partition. */
export type PartitionRule = 'key' | { readonly column: string } | { readonly fixed: number }

/**
 * Where the parts of a rule stand, `file:line:column` by part: `topic`, `filter`, `key/<column>`, `columns/<column>`. What is
 * not written has no place of its own.
 */
export type RulePlaces = Readonly<Record<string, string>>

/** One record stream made of a table's operations. */
export interface OutputRule {
  /** A name, or a template with `{schema}`, `{table}`, `{operation}` and `{column.<name>}`. */
  readonly topic: string
  /** `json`, `audit`, `audit-single`, or a format registered with the producer. */
  readonly format: string
  /** Columns of the record key, in order; null: the table's own key. */
  readonly key: readonly string[] | null
  readonly deletes: Deletes
  readonly columns: ColumnRules
  readonly headers: readonly HeaderRule[]
  readonly partition: PartitionRule
  /** Condition on the row (filter/): a row that enters or leaves it becomes an insert or a delete. */
  readonly filter: string | null
  /** Where the rule stands, for messages: file, line and column. */
  readonly place: string | null
  readonly places?: RulePlaces
}

export interface TableRule extends OutputRule {
  /** `schema.name` */
  readonly qualifiedName: string
  /** The file of a user processor, as the producer's `processors` knows it. */
  readonly processor: string | null
  readonly onFailure: OnFailure
  /** The same operation again, elsewhere, otherwise. */
  readonly also: readonly OutputRule[]
}

/** Every column as it is. */
export const allColumns: ColumnRules = Object.freeze({ only: null, dropped: [], protected: [] })

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

/** An outbox of any kind. */
export interface OutboxSourceRule extends OutboxRule {
  /** Protection of the event's columns (of a logical message: its fields). */
  readonly columns: ColumnRules
  readonly onFailure: OnFailure
  /** Where the rule stands, for messages. */
  readonly place: string | null
  readonly places?: RulePlaces
}

export interface OutboxTableRule extends OutboxSourceRule {
  readonly qualifiedName: string
}

export interface OutboxMessageRule extends OutboxSourceRule {
  /** Of the logical messages. */
  readonly prefix: string
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

/** Debezium's consumers expect its event of a delete before the tombstone. */
export function defaultDeletes(format: string): Deletes {
  return format.startsWith('debezium') ? 'both' : 'tombstone'
}

/** A table's rule with what is not given by default: JSON, its own key, tombstones, topic `<prefix>.<schema>.<table>`. */
export function tableRule(qualifiedName: string, prefix: string, given: Partial<TableRule> = {}): TableRule {
  return {
    qualifiedName,
    topic: `${prefix}.${qualifiedName}`,
    format: 'json',
    key: null,
    deletes: defaultDeletes(given.format ?? 'json'),
    columns: allColumns,
    headers: [],
    partition: 'key',
    filter: null,
    place: null,
    processor: null,
    onFailure: 'stop',
    also: [],
    ...given
  }
}

const sourceDefaults = { columns: allColumns, onFailure: 'stop', place: null } as const

export function outboxTableRule(qualifiedName: string, given: Partial<OutboxTableRule> = {}): OutboxTableRule {
  return { ...outboxDefaults, ...sourceDefaults, ...given, qualifiedName }
}

export function outboxMessageRule(prefix: string, given: Partial<OutboxMessageRule> = {}): OutboxMessageRule {
  return { ...outboxDefaults, ...sourceDefaults, ...given, prefix }
}

/** A further output with what is not given as in the table's own. */
export function alsoRule(table: TableRule, given: Partial<OutputRule> & { topic: string }): OutputRule {
  const { format, key, deletes, columns, headers, partition, filter, place, places = {} } = table
  return { format, key, deletes, columns, headers, partition, filter, place, places, ...given }
}
