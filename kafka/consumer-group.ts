import type { joinGroupV5, ResponseError } from '@platformatic/kafka'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { brokerErrorCode, brokerErrorName, brokerErrors } from './broker-error.ts'
import type { Cluster } from './cluster.ts'
import { anyAborted, sharedAbort } from './shared-abort.ts'
import { GroupCoordinator, type CommittedOffset, type GroupPlace, type Membership } from './group-coordinator.ts'

export type { CommittedOffset, GroupPlace } from './group-coordinator.ts'

export interface ConsumerGroupOptions extends GroupPlace {
  /** After this long without a sign of life a member is replaced. The broker's limits are 6 s to 30 min by default. */
  sessionTimeoutMs?: number
  heartbeatMs?: number
  /** How long the others wait for a member that is to join again. */
  rebalanceTimeoutMs?: number
  /** This member has joined, and another one owns the partition. */
  onStandby?: () => void
}

/** The partition is this member's, until `lost`. */
export interface GroupOwnership {
  /** Aborted when another member may own the partition, with GROUP_SUPERSEDED or what ended the membership. */
  readonly lost: AbortSignal
  /** What the group committed last; null when nothing yet. */
  committed(): Promise<CommittedOffset | null>
  /**
   * Stores the offset of the next record to read, with up to some hundred bytes of text. Commits take effect in the
   * order of the calls. Throws GROUP_SUPERSEDED when another member has taken over: nothing was stored then.
   */
  commit(offset: number, metadata: string): Promise<void>
}

/** So that a group that refuses everybody is not asked without pause. */
const rejoinDelayMs = 50

const defaults = { sessionTimeoutMs: 10_000, heartbeatMs: 1_000, rebalanceTimeoutMs: 10_000 }

/**
 * Membership in a consumer group for one partition, without fetching: one member owns it, the others stand by and take
 * over when it leaves or dies. The classic protocol, known to all brokers; a member that has the partition keeps it when
 * others join.
 */
export class ConsumerGroup {
  private readonly cluster: Cluster
  private readonly options: ConsumerGroupOptions & typeof defaults
  private readonly coordinator: GroupCoordinator
  private readonly closing = sharedAbort()
  private readonly stop: AbortSignal
  private running: Promise<void> | null = null
  private memberId = ''
  private generation = -1
  private ownership: Ownership | null = null
  /** Resolves with the next end of a join; replaced by every join. */
  private joined = Promise.withResolvers<void>()
  private joining = false
  private failure: Error | null = null
  private readonly waiting = new Set<{ owned: (ownership: GroupOwnership) => void; failed: (error: unknown) => void }>()

  constructor(cluster: Cluster, options: ConsumerGroupOptions) {
    this.cluster = cluster
    this.options = { ...defaults, ...options }
    this.coordinator = new GroupCoordinator(cluster, options)
    this.stop = anyAborted(this.closing.signal, cluster.signal)
  }

  /**
   * Joins when not a member yet, and waits until the partition is this member's. Throws GROUP_UNSUITABLE,
   * KAFKA_UNREACHABLE, KAFKA_AUTHENTICATION, KAFKA_AUTHORIZATION, or the signal's reason (the membership stays).
   */
  async acquire(signal?: AbortSignal): Promise<GroupOwnership> {
    this.stop.throwIfAborted()
    signal?.throwIfAborted()
    if (this.failure !== null) throw this.failure
    if (this.ownership !== null && !this.ownership.lost.aborted) return this.ownership
    const { promise, resolve, reject } = Promise.withResolvers<GroupOwnership>()
    const waiter = { owned: resolve, failed: reject }
    const aborted = () => reject(signal?.reason as Error)
    this.waiting.add(waiter)
    signal?.addEventListener('abort', aborted, { once: true })
    this.running ??= this.run()
    try {
      return await promise
    } finally {
      this.waiting.delete(waiter)
      signal?.removeEventListener('abort', aborted)
    }
  }

  /** Leaves the group, so that a standby takes over at once; an ownership is lost. */
  async close(): Promise<void> {
    if (this.closing.signal.aborted) return
    const reason = new TidemarkError('GROUP_SUPERSEDED', {
      message: `this member left group ${this.options.groupId}`,
      place: this.options.groupId
    })
    this.lose(reason)
    this.closing.abort(reason)
    if (this.memberId !== '' && !this.cluster.signal.aborted) {
      // Not being able to say goodbye is no reason to fail: the session times out.
      await this.coordinator.leave(this.memberId).catch(() => {})
    }
    await this.running
  }

  private async run(): Promise<void> {
    try {
      for (;;) {
        await this.join()
        await this.beat()
      }
    } catch (error) {
      this.failure = (this.stop.aborted ? this.stop.reason : error) as Error
      this.lose(this.failure)
      for (const { failed } of this.waiting) failed(this.failure)
    } finally {
      this.running = null
      this.joined.promise.catch(() => {})
      this.joined.reject(this.failure)
    }
  }

  private async join(): Promise<void> {
    const { sessionTimeoutMs, rebalanceTimeoutMs } = this.options
    this.joining = true
    // The coordinator keeps a member that is joining until the rebalance is over.
    this.ownership?.alive(rebalanceTimeoutMs + sessionTimeoutMs)
    for (;;) {
      try {
        const owns = this.ownership !== null && !this.ownership.lost.aborted
        const ownedIn = owns ? this.generation : -1
        const joining = this.coordinator.join(this.memberId, ownedIn, sessionTimeoutMs, rebalanceTimeoutMs, this.stop)
        const joined = await abandonable(joining, this.stop)
        const owner = await this.sync(joined)
        this.settle(joined, owner)
        return
      } catch (error) {
        if (!this.relate(error)) await this.cluster.clock.delay(rejoinDelayMs, this.stop)
      }
    }
  }

  private async sync(joined: joinGroupV5.JoinGroupResponse): Promise<boolean> {
    this.memberId = joined.memberId
    return abandonable(this.coordinator.sync(joined, this.stop), this.stop)
  }

  private settle(joined: joinGroupV5.JoinGroupResponse, owner: boolean): void {
    this.stop.throwIfAborted()
    this.generation = joined.generationId
    this.joining = false
    if (owner) this.own()
    else {
      this.lose(superseded(this.options.groupId, 'the group gave the partition to another member'))
      this.options.onStandby?.()
    }
    this.joined.resolve()
    this.joined = Promise.withResolvers<void>()
  }

  private own(): void {
    if (this.ownership === null || this.ownership.lost.aborted) {
      this.ownership = new Ownership(this.cluster, this.coordinator, {
        groupId: this.options.groupId,
        current: () => ({ memberId: this.memberId, generation: this.generation }),
        settled: () => (this.joining ? this.joined.promise : Promise.resolve()),
        timedOut: () =>
          this.lose(superseded(this.options.groupId, 'no coordinator answered within the session timeout')),
        stop: this.stop
      })
    }
    this.ownership.alive(this.options.sessionTimeoutMs)
    for (const { owned } of this.waiting) owned(this.ownership)
  }

  private lose(reason: unknown): void {
    this.ownership?.lose(reason)
    this.ownership = null
  }

  /** Heartbeats until the group wants its members to join again. */
  private async beat(): Promise<void> {
    const membership: Membership = { memberId: this.memberId, generation: this.generation }
    for (;;) {
      await this.cluster.clock.delay(this.options.heartbeatMs, this.stop)
      try {
        await this.coordinator.heartbeat(membership, this.stop)
        this.ownership?.alive(this.options.sessionTimeoutMs)
      } catch (error) {
        this.relate(error)
        return
      }
    }
  }

  /** What an error says about this membership; true when to join again at once. Throws what joining cannot mend. */
  private relate(error: unknown): boolean {
    this.stop.throwIfAborted()
    const code = brokerErrorCode(error)
    switch (code) {
      case brokerErrors.MEMBER_ID_REQUIRED:
        this.memberId = answeredMemberId(error)
        return true
      case brokerErrors.REBALANCE_IN_PROGRESS:
        return false
      case brokerErrors.ILLEGAL_GENERATION:
      case brokerErrors.UNKNOWN_MEMBER_ID:
        if (code === brokerErrors.UNKNOWN_MEMBER_ID) this.memberId = ''
        this.lose(superseded(this.options.groupId, brokerErrorName(code)))
        return false
      default:
        throw error
    }
  }
}

interface OwnershipContext {
  groupId: string
  current(): Membership
  /** Resolves when no join is under way. */
  settled(): Promise<void>
  timedOut(): void
  stop: AbortSignal
}

class Ownership implements GroupOwnership {
  readonly lost: AbortSignal
  private readonly ended = sharedAbort()
  private readonly cluster: Cluster
  private readonly coordinator: GroupCoordinator
  private readonly context: OwnershipContext
  private aliveUntilMs = Infinity
  private watching = false
  private commits: Promise<void> = Promise.resolve()

  constructor(cluster: Cluster, coordinator: GroupCoordinator, context: OwnershipContext) {
    this.cluster = cluster
    this.coordinator = coordinator
    this.context = context
    this.lost = this.ended.signal
  }

  /** The coordinator has heard of this member: it will not give the partition away before `ms` have passed. */
  alive(ms: number): void {
    this.aliveUntilMs = this.cluster.clock.steadyMs() + ms
    if (!this.watching) void this.watch()
  }

  lose(reason: unknown): void {
    this.ended.abort(reason)
  }

  async committed(): Promise<CommittedOffset | null> {
    this.lost.throwIfAborted()
    return this.coordinator.committed(this.lost)
  }

  commit(offset: number, metadata: string): Promise<void> {
    const commit = this.commits.then(() => this.commitNow({ offset, metadata }))
    this.commits = commit.catch(() => {})
    return commit
  }

  private async commitNow(committed: CommittedOffset): Promise<void> {
    for (;;) {
      this.lost.throwIfAborted()
      await this.context.settled()
      this.lost.throwIfAborted()
      const membership = this.context.current()
      try {
        await this.coordinator.commit(membership, committed, this.lost)
        return
      } catch (error) {
        await this.reconsider(error, membership)
      }
    }
  }

  /** Returns when the commit may be tried again with a newer generation in which the partition is still this member's. */
  private async reconsider(error: unknown, used: Membership): Promise<void> {
    const code = brokerErrorCode(error)
    if (code === null || !staleMembership.has(code)) throw error
    await this.context.settled()
    this.lost.throwIfAborted()
    const { memberId, generation } = this.context.current()
    if (memberId === used.memberId && generation > used.generation) return
    if (code === brokerErrors.REBALANCE_IN_PROGRESS) {
      // The next heartbeat learns of it too and joins again.
      await this.cluster.clock.delay(50, this.lost)
      return
    }
    this.lose(superseded(this.context.groupId, brokerErrorName(code)))
    this.lost.throwIfAborted()
  }

  private async watch(): Promise<void> {
    this.watching = true
    const over = anyAborted(this.lost, this.context.stop)
    while (!over.aborted) {
      const leftMs = this.aliveUntilMs - this.cluster.clock.steadyMs()
      if (leftMs <= 0) this.context.timedOut()
      else await this.cluster.clock.delay(leftMs, over).catch(() => {})
    }
  }
}

const staleMembership: ReadonlySet<number> = new Set([
  brokerErrors.ILLEGAL_GENERATION,
  brokerErrors.UNKNOWN_MEMBER_ID,
  brokerErrors.REBALANCE_IN_PROGRESS
])

function answeredMemberId(error: unknown): string {
  const { memberId } = (error as ResponseError)['response'] as joinGroupV5.JoinGroupResponse
  return memberId
}

function superseded(groupId: string, why: string): TidemarkError {
  return new TidemarkError('GROUP_SUPERSEDED', {
    message: `this member of group ${groupId} no longer owns the commit stream: ${why}`,
    place: groupId
  })
}

/** A join may wait for minutes at the coordinator: who stops does not wait for it. */
function abandonable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  const aborted = () => reject(signal.reason as Error)
  if (signal.aborted) aborted()
  signal.addEventListener('abort', aborted, { once: true })
  work.then(resolve, reject).finally(() => signal.removeEventListener('abort', aborted))
  return promise
}
