import { heartbeatV3, joinGroupV5, leaveGroupV3, offsetCommitV7, offsetFetchV5, syncGroupV3 } from '@platformatic/kafka'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import {
  brokerErrorCode,
  brokerErrorName,
  brokerErrors,
  forbiddenError,
  isForbidden,
  isPassing
} from './broker-error.ts'
import type { BrokerCall, Cluster } from './cluster.ts'
import {
  chooseOwner,
  GROUP_PROTOCOL,
  GROUP_PROTOCOL_TYPE,
  readAssignment,
  readCandidate,
  writeAssignment,
  writeSubscription
} from './group-protocol.ts'

export interface GroupPlace {
  groupId: string
  topic: string
  partition: number
}

export interface Membership {
  memberId: string
  generation: number
}

/** A group's offset of the partition, with the text stored beside it. */
export interface CommittedOffset {
  offset: number
  metadata: string
}

/**
 * The requests of a group, at its coordinator, which is looked for again when it moved. Answers with other error codes
 * reject as they come (`brokerErrorCode`), except KAFKA_AUTHORIZATION and GROUP_UNSUITABLE.
 */
export class GroupCoordinator {
  private readonly cluster: Cluster
  private readonly place: GroupPlace
  private node: number | null = null

  constructor(cluster: Cluster, place: GroupPlace) {
    this.cluster = cluster
    this.place = place
  }

  /** Waits until all members have joined. Rejects with MEMBER_ID_REQUIRED and an id the first time. */
  async join(
    memberId: string,
    ownedIn: number,
    sessionTimeoutMs: number,
    rebalanceTimeoutMs: number,
    signal: AbortSignal
  ): Promise<joinGroupV5.JoinGroupResponse> {
    const { groupId, topic, partition } = this.place
    const protocols = [{ name: GROUP_PROTOCOL, metadata: writeSubscription(topic, partition, ownedIn) }]
    const type = GROUP_PROTOCOL_TYPE
    return this.ask(
      'joining',
      connection =>
        joinGroupV5.api.async(
          connection,
          groupId,
          sessionTimeoutMs,
          rebalanceTimeoutMs,
          memberId,
          null,
          type,
          protocols
        ),
      { waits: true, signal }
    )
  }

  /** The leader of the generation decides; everyone learns whether the partition is theirs. */
  async sync(joined: joinGroupV5.JoinGroupResponse, signal: AbortSignal): Promise<boolean> {
    const { groupId, topic, partition } = this.place
    const { memberId, generationId, leader, members } = joined
    const owner = leader === memberId ? chooseOwner(members.map(readCandidate)) : null
    const assignments = (leader === memberId ? members : []).map(member => ({
      memberId: member.memberId,
      assignment: writeAssignment(topic, partition, member.memberId === owner)
    }))
    const answer = await this.ask(
      'joining',
      connection => syncGroupV3.api.async(connection, groupId, generationId, memberId, null, null, null, assignments),
      { waits: true, signal }
    )
    return readAssignment(answer.assignment, topic, partition)
  }

  async heartbeat({ memberId, generation }: Membership, signal: AbortSignal): Promise<void> {
    const call: BrokerCall<unknown> = connection =>
      heartbeatV3.api.async(connection, this.place.groupId, generation, memberId, null)
    await this.ask('staying in', call, { waits: false, signal })
  }

  /** Once, without looking for the coordinator: a member that cannot say goodbye is missed after its session timeout. */
  async leave(memberId: string): Promise<void> {
    if (this.node === null) return
    await this.cluster.atBroker(this.node, `leaving group ${this.place.groupId}`, connection =>
      leaveGroupV3.api.async(connection, this.place.groupId, [{ memberId, groupInstanceId: null }])
    )
  }

  /** Rejects with ILLEGAL_GENERATION, UNKNOWN_MEMBER_ID or REBALANCE_IN_PROGRESS when the membership is not current. */
  async commit({ memberId, generation }: Membership, committed: CommittedOffset, signal: AbortSignal): Promise<void> {
    const { groupId, topic, partition } = this.place
    const entry = {
      partitionIndex: partition,
      committedOffset: BigInt(committed.offset),
      committedLeaderEpoch: -1,
      committedMetadata: committed.metadata
    }
    const topics = [{ name: topic, partitions: [entry] }]
    await this.ask(
      'committing to',
      connection => offsetCommitV7.api.async(connection, groupId, generation, memberId, null, topics),
      { waits: false, signal }
    )
  }

  /** Null when the group has committed none. */
  async committed(signal: AbortSignal): Promise<CommittedOffset | null> {
    const { groupId, topic, partition } = this.place
    const groups = [{ groupId, topics: [{ name: topic, partitionIndexes: [partition] }] }]
    const answer = await this.ask(
      'reading the offset of',
      connection => offsetFetchV5.api.async(connection, groups, false),
      { waits: false, signal }
    )
    const found = answer.topics[0]?.partitions[0]
    if (found === undefined || found.committedOffset < 0n) return null
    return { offset: Number(found.committedOffset), metadata: found.metadata ?? '' }
  }

  private async ask<T>(
    doing: string,
    call: BrokerCall<T>,
    { waits, signal }: { waits: boolean; signal: AbortSignal }
  ): Promise<T> {
    const resource = `group ${this.place.groupId}`
    const what = `${doing} ${resource}`
    return this.cluster.retrying(`the coordinator of ${resource}`, signal, async () => {
      const node = (this.node ??= await this.cluster.coordinator('group', this.place.groupId, signal))
      try {
        return await (waits ? this.cluster.waitAtBroker(node, what, call) : this.cluster.atBroker(node, what, call))
      } catch (error) {
        const code = brokerErrorCode(error)
        if (code === null || isPassing(code)) this.node = null
        throw code === null ? error : this.named(code, error)
      }
    })
  }

  private named(code: number, error: unknown): unknown {
    const { groupId, topic } = this.place
    if (code === brokerErrors.TOPIC_AUTHORIZATION_FAILED) return forbiddenError(code, 'Read', `topic ${topic}`)
    if (isForbidden(code)) return forbiddenError(code, 'Read', `group ${groupId}`)
    if (isPassing(code) || membershipErrors.has(code)) return error
    return new TidemarkError('GROUP_UNSUITABLE', {
      message: `group ${groupId} refused this member: ${brokerErrorName(code)}`,
      place: groupId,
      cause: error
    })
  }
}

/** What joining again answers. */
const membershipErrors: ReadonlySet<number> = new Set([
  brokerErrors.ILLEGAL_GENERATION,
  brokerErrors.UNKNOWN_MEMBER_ID,
  brokerErrors.REBALANCE_IN_PROGRESS,
  brokerErrors.MEMBER_ID_REQUIRED
])
