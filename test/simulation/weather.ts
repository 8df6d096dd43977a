import { encodeRecordHeader, headerBytesMax, headerNameBytes } from '@tidemark/schemas/record-header.ts'
import { writeHeader } from '@tidemark/kafka/record-batch/record-headers.ts'
import type { Weather } from './configuration.ts'
import type { PartitionLog } from './partition-log.ts'
import type { World } from './world.ts'

export const sharedTopic = 'A'
export const smallTopic = 'B'
const partitionsMax = 4

const effects: Record<Weather, (world: World) => void> = {
  'foreign records': foreignRecord,
  'added partitions': addPartition,
  compaction: compact,
  'data retention': retain,
  'data truncation': world => truncate(world, world.chance.of(dataLogs(world))),
  'commit stream truncation': truncateCommits,
  'leader changes': electLeader,
  'forgotten producers': forgetProducers
}

/** Lets one of the configuration's events happen. */
export function blow(world: World): void {
  const { weather } = world.configuration
  if (weather.length > 0) effects[world.chance.of(weather)](world)
}

function dataLogs(world: World): PartitionLog[] {
  return [sharedTopic, smallTopic].flatMap(topic => world.cluster.topics.get(topic) ?? [])
}

function foreignRecord(world: World): void {
  const { chance } = world
  const log = chance.of(dataLogs(world))
  const key = Buffer.from(`k${chance.below(4)}`)
  if (chance.happens(0.5)) log.addRecord(world.timeMs, key, Buffer.from('foreign'), 0, null)
  else
    addRecordOfStream(log, world.timeMs, key, 'foreign', 0xfeed_feed, chance.below(4), chance.below(6), chance.below(4))
  log.replicate()
  world.note(() => `another program writes to ${log.name}`)
}

/** A record with a header of the stream. */
export function addRecordOfStream(
  log: PartitionLog,
  timestamp: number,
  key: Buffer,
  value: string,
  stream: number,
  epoch: number,
  sequence: number,
  record: number
): void {
  const content = Buffer.alloc(headerBytesMax)
  const end = encodeRecordHeader(content, 0, stream, epoch, sequence, record, 0)
  const header = Buffer.alloc(content.length + 32)
  const headerEnd = writeHeader(header, 0, headerNameBytes, content.subarray(0, end))
  log.addRecord(timestamp, key, Buffer.from(value), 1, header.subarray(0, headerEnd))
}

function addPartition(world: World): void {
  const partitions = world.cluster.topics.get(sharedTopic)!.length
  if (partitions === partitionsMax) return
  world.cluster.createPartitions(sharedTopic, partitions + 1)
  world.note(() => `topic ${sharedTopic} has ${partitions + 1} partitions`)
}

function compact(world: World): void {
  const log = world.chance.of(dataLogs(world))
  const removed = log.compact(world.chance.below(log.highWatermark + 1))
  if (removed.length === 0) return
  world.compacted = true
  world.note(() => `compaction removes ${log.name} @${removed.join(',')}`)
}

/** Compacts every data topic as far as it goes. */
export function compactAll(world: World): void {
  for (const log of dataLogs(world)) log.compact(log.end)
  world.compacted = true
  world.note(() => 'everything is compacted')
}

function retain(world: World): void {
  const log = world.chance.of(dataLogs(world))
  if (log.highWatermark <= log.start || !world.chance.happens(0.3)) return
  log.deleteBefore(log.start + 1 + world.chance.below(log.highWatermark - log.start))
  world.lossy = true
  world.note(() => `retention: ${log.name} begins at ${log.start}`)
}

function truncate(world: World, log: PartitionLog): void {
  if (log.batches.length === 0 || !world.chance.happens(0.15)) return
  const lost = log.loseBatches(1 + world.chance.below(Math.min(3, log.batches.length)), world.chance.happens(0.5))
  world.lossy = true
  world.truncated = true
  world.note(() => `unclean election: ${log.name} loses ${lost} records and ends at ${log.end}`)
}

function truncateCommits(world: World): void {
  const log = world.cluster.find(world.subscriptions[0]!.commitStream, 0)!
  // Genesis was written long ago.
  if (log.batches.length < 2) return
  const before = log.end
  truncate(world, log)
  if (log.end < before) world.commitStreamTruncated = true
}

function electLeader(world: World): void {
  const log = world.chance.of(world.cluster.logs)
  world.cluster.moveLeader(log)
  if (world.chance.happens(0.3)) log.elect(log.highWatermark - world.chance.below(3), world.timeMs)
  world.note(() => `${log.name} is led by ${world.cluster.leader(log)}, high watermark ${log.highWatermark}`)
}

/** Only of partitions where nothing is on its way: the time is a day. */
function forgetProducers(world: World): void {
  const log = world.chance.of(world.cluster.logs)
  const busy = world.network.some(({ parts }) =>
    parts.some(part => part.topic === log.topic && part.partition === log.partition)
  )
  if (busy) return
  log.forgetProducers()
  world.note(() => `${log.name} forgets its producers`)
}
