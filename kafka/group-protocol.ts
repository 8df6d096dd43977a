import { Reader, Writer, type joinGroupV5 } from '@platformatic/kafka'

/** The protocol type all consumer groups have, so that Kafka's tools can show the members' partitions. */
export const GROUP_PROTOCOL_TYPE = 'consumer'
/** Members agree on one protocol name: other consumers cannot join by mistake, and divide the partition otherwise. */
export const GROUP_PROTOCOL = 'tidemark-standby'

/** A member as the group's leader sees it. */
export interface Candidate {
  memberId: string
  /** Generation in which it owned the partition until now; -1 when it does not own it. */
  ownedIn: number
}

/*
  ConsumerProtocolSubscription (Version: 1) => version [topics] user_data [owned_partitions]
    version => INT16, topics => STRING, user_data => NULLABLE_BYTES
    owned_partitions => topic [partitions]      STRING, INT32
  User data: the generation of the ownership, INT32.
*/
export function writeSubscription(topic: string, partition: number, ownedIn: number): Buffer {
  const owned = ownedIn < 0 ? [] : [topic]
  const userData = Buffer.alloc(4)
  userData.writeInt32BE(ownedIn)
  return Writer.create()
    .appendInt16(1)
    .appendArray([topic], (writer, name) => writer.appendString(name, false), false, false)
    .appendBytes(userData, false)
    .appendArray(owned, (writer, name) => writePartition(writer, name, partition), false, false).buffer
}

/** A member that states no generation does not own the partition. */
export function readCandidate(member: joinGroupV5.JoinGroupResponseMember): Candidate {
  try {
    const reader = Reader.from(member.metadata)
    reader.readInt16()
    reader.readArray(reader => reader.readString(false), false, false)
    const userData = reader.readNullableBytes(false)
    return { memberId: member.memberId, ownedIn: userData?.length === 4 ? userData.readInt32BE() : -1 }
  } catch {
    return { memberId: member.memberId, ownedIn: -1 }
  }
}

/** The owner stays; without one the first by member id takes over. The latest ownership counts. */
export function chooseOwner(candidates: readonly Candidate[]): string | null {
  let chosen: Candidate | null = null
  for (const candidate of candidates) {
    if (chosen === null || candidate.ownedIn > chosen.ownedIn) chosen = candidate
    else if (candidate.ownedIn === chosen.ownedIn && candidate.memberId < chosen.memberId) chosen = candidate
  }
  return chosen?.memberId ?? null
}

/*
  ConsumerProtocolAssignment (Version: 1) => version [assigned_partitions] user_data
    assigned_partitions => topic [partitions]      STRING, INT32
*/
export function writeAssignment(topic: string, partition: number, owner: boolean): Buffer {
  return Writer.create()
    .appendInt16(1)
    .appendArray(owner ? [topic] : [], (writer, name) => writePartition(writer, name, partition), false, false)
    .appendBytes(null, false).buffer
}

/** Whether the partition is in the assignment. An empty assignment has none. */
export function readAssignment(assignment: Buffer, topic: string, partition: number): boolean {
  if (assignment.length === 0) return false
  const reader = Reader.from(assignment)
  reader.readInt16()
  const assigned = reader.readArray(
    reader => ({
      topic: reader.readString(false),
      partitions: reader.readArray(reader => reader.readInt32(), false, false)
    }),
    false,
    false
  )
  return assigned.some(entry => entry.topic === topic && entry.partitions.includes(partition))
}

function writePartition(writer: Writer, topic: string, partition: number): void {
  writer.appendString(topic, false).appendArray([partition], (writer, id) => writer.appendInt32(id), false, false)
}
