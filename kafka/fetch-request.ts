import { createAPI, Writer, type Reader } from '@platformatic/kafka'
import type { FetchAnswer, FetchAsk, FetchLimits } from './fetch-wire.ts'

const empty = Buffer.alloc(0)
const READ_UNCOMMITTED = 0

/*
  Fetch Request (Version: 12, brokers since 2.7) => replica_id max_wait_ms min_bytes max_bytes isolation_level
                                                   session_id session_epoch [topics] [forgotten_topics_data] rack_id
    topics => topic [partitions]
      partitions => partition current_leader_epoch fetch_offset last_fetched_epoch log_start_offset partition_max_bytes
        INT32, INT32, INT64, INT32, INT64, INT32
  Session id 0 with epoch -1: no fetch session, every request is complete in itself (KIP-227).
*/
function writeRequest(asks: readonly FetchAsk[], { waitMs, bytesMax }: FetchLimits): Writer {
  return Writer.create()
    .appendInt32(-1)
    .appendInt32(waitMs)
    .appendInt32(1)
    .appendInt32(bytesMax)
    .appendInt8(READ_UNCOMMITTED)
    .appendInt32(0)
    .appendInt32(-1)
    .appendArray([...Map.groupBy(asks, ask => ask.topic)], (writer, [topic, ofTopic]) => {
      writer.appendString(topic).appendArray(ofTopic, writeAsk)
    })
    .appendArray([], () => {})
    .appendString('')
    .appendTaggedFields()
}

function writeAsk(writer: Writer, ask: FetchAsk): void {
  writer
    .appendInt32(ask.partition)
    .appendInt32(ask.currentLeaderEpoch)
    .appendInt64(BigInt(ask.offset))
    .appendInt32(ask.lastFetchedEpoch)
    .appendInt64(-1n)
    .appendInt32(ask.bytesMax)
}

/*
  Fetch Response (Version: 12) => throttle_time_ms error_code session_id [responses]
    responses => topic [partitions]
      partitions => partition_index error_code high_watermark last_stable_offset log_start_offset
                    [aborted_transactions] preferred_read_replica records TAG_BUFFER
        INT32, INT16, INT64, INT64, INT64, [INT64 INT64], INT32, COMPACT_RECORDS
        tag 0 diverging_epoch => epoch end_offset       INT32, INT64
*/
function readAnswer(_correlation: number, _key: number, _version: number, reader: Reader): FetchAnswer[] {
  reader.readInt32()
  const error = reader.readInt16()
  reader.readInt32()
  const topics = reader.readArray(reader => {
    const topic = reader.readString()
    return reader.readArray(reader => readPartition(reader, topic, error), true, false)
  })
  return topics.flat()
}

function readPartition(reader: Reader, topic: string, requestError: number): FetchAnswer {
  const partition = reader.readInt32()
  const error = reader.readInt16()
  const highWatermark = Number(reader.readInt64())
  reader.skip(8)
  const logStart = Number(reader.readInt64())
  reader.readArray(reader => reader.skip(16))
  reader.skip(4)
  // One copy, out of the socket's pieces into memory of its own: what is kept of it does not pin the other partitions.
  const batches = reader.readNullableBytes() ?? empty
  const divergesAt = readDivergence(reader)
  return { topic, partition, error: error === 0 ? requestError : error, highWatermark, logStart, batches, divergesAt }
}

function readDivergence(reader: Reader): number | null {
  let divergesAt: number | null = null
  for (let count = reader.readUnsignedVarInt(); count > 0; count--) {
    const tag = reader.readUnsignedVarInt()
    const length = reader.readUnsignedVarInt()
    if (tag === 0) divergesAt = Number(reader.peekInt64(reader.position + 4))
    reader.skip(length)
  }
  return divergesAt
}

export const fetchApi = createAPI<[asks: readonly FetchAsk[], limits: FetchLimits], FetchAnswer[]>(
  1,
  12,
  writeRequest,
  readAnswer
)
