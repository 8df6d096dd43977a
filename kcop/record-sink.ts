import type { ParkedOperation } from '@tidemark/schemas/commit-stream.ts'

/** A topic as the sink knows it: made once by `RecordSink.topic`, then used for every record. */
export interface Topic {
  readonly name: string
}

/** Record headers, encoded once as in a Kafka record: for each, varint key length, key, varint value length (-1 null), value. */
export interface HeaderBlock {
  count: number
  bytes: Buffer
  start: number
  end: number
}

/** Partition chosen by Kafka's murmur2 of the key. */
export const BY_KEY = -1

/** Partition chosen by a murmur2 hash of something else than the key: a number below BY_KEY. */
export function byHash(hash: number): number {
  return BY_KEY - 1 - (hash & 0x7fffffff)
}

/** The index of a partition that was stated, by number or by `byHash`, in a topic of `count`. */
export function statedPartition(partition: number, count: number): number {
  return partition >= 0 ? partition : (BY_KEY - 1 - partition) % count
}

/**
 * Where records go: the open transaction of the delivery. `partition`: a number, BY_KEY, or what `byHash` gives. Bytes are
 * copied before `append` returns, so the same scratch buffers may be used for the next record. A key of null makes a keyless record, a value of null a tombstone.
 * Throws RECORD_TOO_LARGE.
 */
export interface RecordSink {
  /** Never fails: a topic that is not known yet is looked up before the next flush, which fails with TOPIC_MISSING. */
  topic(name: string): Topic
  append(
    topic: Topic,
    partition: number,
    key: Buffer | null,
    keyStart: number,
    keyEnd: number,
    value: Buffer | null,
    valueStart: number,
    valueEnd: number,
    headers: HeaderBlock | null
  ): void
}

/** The sink of a producer: annotations go into the transaction's entry in the commit stream. */
export interface AnnotatedSink extends RecordSink {
  /** Of the open transaction; the same name again replaces the value. Throws when they grow above the sink's limit. */
  annotate(name: string, value: Uint8Array): void
  /**
   * Which output writes the records that follow; null: none says so. Only where somebody shows records: a producer asks for
   * it when it compiles a table, so that sinks without it cost nothing.
   */
  writesAs?(output: OutputName | null): void
  /** The open transaction's place in the commit stream, beginning it if need be; absent where there is no stream. */
  place?(): TransactionPlace
  /** Names an operation that was set aside in the open transaction's entry; absent where there is no stream. Throws PARKED_TOO_MANY. */
  park?(operation: ParkedOperation): void
  /** Resolves when the topic's partitions and limits are known, which `admit` needs; null or absent: they are. */
  known?(topic: Topic): Promise<void> | null
  /** Throws what `append` would throw for a record with so many bytes in key, value and headers; appends nothing. */
  admit?(topic: Topic, partition: number, bytes: number): void
  /** The same for annotations with so many bytes in names and values. */
  admitAnnotations?(bytes: number): void
}

/** The rule that makes a record, for people. */
export interface OutputName {
  /** `public.account`, `public.account also[0]`, `outbox public.outbox`, `monitor large`. */
  readonly name: string
  /** `file:line:column` of the rule. */
  readonly place: string | null
}

/** As in the header of each of its records. */
export interface TransactionPlace {
  readonly stream: number
  readonly epoch: number
  readonly sequence: number
  /**
   * Text of the bookmark behind the transaction. The record that will name it has no offset yet: the hint is that of an
   * earlier one of the same owner.
   */
  readonly bookmark: string
}
