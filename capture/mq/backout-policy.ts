/** What a queue says of messages that fail again and again (BOTHRESH, BOQNAME): advice that the getter carries out. */
export interface BackoutPolicy {
  /** BOTHRESH; 0: off. */
  threshold: number
  /** BOQNAME; empty: none. */
  queue: string
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
