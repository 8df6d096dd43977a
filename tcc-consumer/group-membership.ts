/** Where a group stands on the commit stream. */
export interface GroupPlace {
  /** Of the commit-stream record to read next. */
  offset: number
  /** A bookmark that says where in that record; anything else when it was not written by this client. */
  metadata: string
}

/** One member of the group whose single member with a turn reads the commit stream's one partition. */
export interface GroupMembership {
  /**
   * Waits as a standby until it is this member's turn; resolves with where the group stands, null when it has never
   * committed. Rejects when `signal` is aborted.
   */
  turn(signal: AbortSignal): Promise<GroupPlace | null>
  /** Aborted when the turn that was given last is over. */
  readonly over: AbortSignal
  /** Throws GROUP_LOST when the turn is over. */
  commit(place: GroupPlace): Promise<void>
  /** Leaves the group, so that another member gets its turn at once. */
  close(): Promise<void>
}
