import type { OnFailure } from './rules.ts'

/** Which message becomes which record: what the producer does for one queue. */
export interface QueueRule {
  /** Name of the queue: the prefix of its operations. */
  readonly queue: string
  readonly topic: string
  readonly key: QueueKey
  /** What stands in the record's headers. */
  readonly headers: QueueHeaders
  /** The file of a user processor, as the producer's `processors` knows it. */
  readonly processor: string | null
  readonly onFailure: OnFailure
}

/** `groupId`: of a message outside any group, its own id. `json`: names of members, from the outside in. */
export type QueueKey = 'none' | 'msgId' | 'correlId' | 'groupId' | { readonly json: readonly string[] }

export type QueueHeaders = 'all' | 'descriptor' | 'properties' | 'none'

/** Members named by `$.order.id`. null: it is no such path. */
export function jsonPath(text: string): readonly string[] | null {
  const match = /^\$((?:\.[^.[\]]+)+)$/.exec(text)
  return match === null ? null : match[1]!.slice(1).split('.')
}
