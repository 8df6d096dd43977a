import type { JsonPath } from './content/json-path.ts'
import type { ContentKind } from './content/queue-content.ts'
import type { OnFailure } from './rules.ts'

/** Which message becomes which record: what the producer does for one queue. */
export interface QueueRule {
  /** Name of the queue: the prefix of its operations. */
  readonly queue: string
  readonly topic: string
  readonly content: ContentKind
  /** Of XML: paths, as `order/line`, of elements that are arrays however often they come. */
  readonly repeatedElements: readonly string[]
  readonly key: QueueKey
  /** What stands in the record's headers. */
  readonly headers: QueueHeaders
  /** The file of a user processor, as the producer's `processors` knows it. */
  readonly processor: string | null
  readonly onFailure: OnFailure
}

/** `groupId`: of a message outside any group, its own id. `json`: of JSON, or of what XML became. */
export type QueueKey = 'none' | 'msgId' | 'correlId' | 'groupId' | { readonly json: JsonPath }

export type QueueHeaders = 'all' | 'descriptor' | 'properties' | 'none'
