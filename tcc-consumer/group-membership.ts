import type { GroupOwnership } from '@tidemark/kafka/consumer-group.ts'

/** One member of the group whose single owner reads the commit stream's one partition; the others stand by. */
export interface GroupMembership {
  /** Waits until the partition is this member's. Rejects with the signal's reason when it is aborted. */
  acquire(signal: AbortSignal): Promise<GroupOwnership>
  /** Leaves the group, so that a standby takes over at once. */
  close(): Promise<void>
}
