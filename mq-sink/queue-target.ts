/** Where the correlation id comes from. */
export type CorrelIdSource = 'key' | 'header' | 'msgId' | 'none'
/** What of a record's headers the message takes over. */
export type HeaderUse = 'all' | 'descriptor' | 'properties' | 'none'
/** What a property may tell of the record. */
export const recordFacts = ['topic', 'partition', 'offset', 'timestamp', 'key', 'transaction', 'commitTime'] as const
export type RecordFact = (typeof recordFacts)[number]

/** A queue to put to, and what is made of a record for it. A record's own headers go before these. */
export interface QueueTarget {
  name: string
  /** null: all that no other queue names. */
  topics: readonly string[] | null
  format: 'string' | 'bytes'
  headers: HeaderUse
  correlId: CorrelIdSource
  persistence: 'persistent' | 'nonpersistent' | 'queue'
  /** null: the queue's own. */
  priority: number | null
  /** null: without limit. */
  expiryMs: number | null
  replyToQueue: string
  replyToQueueManager: string
  messageType: 'datagram' | 'request' | 'reply' | null
  /** Records without a value. */
  tombstones: 'put' | 'skip'
  /** By the property's name. */
  properties: ReadonlyMap<string, RecordFact>
}
