/** What a queue says of messages that fail again and again (BOTHRESH, BOQNAME): advice that the getter carries out. */
export interface BackoutPolicy {
  /** BOTHRESH; 0: off. */
  threshold: number
  /** BOQNAME, or the dead-letter queue in place of it; empty: none. */
  queue: string
  /** `queue` is the dead-letter queue: what is moved there begins with an MQDLH. */
  isDeadLetterQueue?: boolean
}

/** What the configuration says, else the queue; where neither names a queue, and it is wanted, the dead-letter queue. */
export function backoutPolicy(
  given: { backoutThreshold: number | null; backoutQueue: string | null; deadLetterQueue?: boolean },
  own: BackoutPolicy,
  deadLetterQueue: string
): BackoutPolicy {
  const threshold = given.backoutThreshold ?? own.threshold
  const queue = given.backoutQueue ?? own.queue
  if (queue !== '' || given.deadLetterQueue !== true) return { threshold, queue }
  return { threshold, queue: deadLetterQueue, isDeadLetterQueue: true }
}

export type BackoutVerdict =
  /** As any message. */
  | 'hand-over'
  /** Its last try before it is set aside: in a unit of its own, so that no other pays for it. */
  | 'alone'
  | 'set-aside'
  /** It is due to be set aside, and there is nowhere to put it. */
  | 'stop'

/** `backoutCount`: how often the queue manager gave the message back. Every failure of the agent counts, not only its own. */
export function backoutVerdict(backoutCount: number, { threshold, queue }: BackoutPolicy): BackoutVerdict {
  if (threshold === 0 || backoutCount === 0) return 'hand-over'
  if (backoutCount >= threshold) return queue === '' ? 'stop' : 'set-aside'
  return backoutCount === threshold - 1 ? 'alone' : 'hand-over'
}
