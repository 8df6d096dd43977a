import type { FetchAnswer, FetchAsk, FetchLimits } from '@tidemark/kafka/fetch-wire.ts'
import type { KafkaJsRequest } from './kafkajs-cluster.ts'

const apiKey = 1
const apiVersion = 11
const READ_UNCOMMITTED = 0

/**
 * Fetch v11 (the newest kafkajs knows) whose answer keeps the record batches as bytes: kafkajs' own would decode them,
 * which is where it spends its time. Without the last fetched leader epoch, which came with v12.
 */
export function fetchRequest(asks: readonly FetchAsk[], limits: FetchLimits): KafkaJsRequest<FetchAnswer[]> {
  const buffer = encodeFetch(asks, limits)
  return {
    request: { apiKey, apiVersion, apiName: 'Fetch', encode: () => Promise.resolve({ buf: buffer, buffer }) },
    response: {
      decode: payload => Promise.resolve({ clientSideThrottleTime: payload.readInt32BE(0), payload }),
      parse: ({ payload }) => Promise.resolve(decodeFetch(payload))
    }
  }
}

/*
  Fetch Request (Version: 11) => replica_id max_wait_ms min_bytes max_bytes isolation_level session_id session_epoch
                                 [topics] [forgotten_topics_data] rack_id
    INT32, INT32, INT32, INT32, INT8, INT32, INT32
    topics => topic [partitions]
      partitions => partition current_leader_epoch fetch_offset log_start_offset partition_max_bytes
        INT32, INT32, INT64, INT64, INT32
*/
export function encodeFetch(asks: readonly FetchAsk[], { waitMs, bytesMax }: FetchLimits): Buffer {
  const topics = [...Map.groupBy(asks, ask => ask.topic)]
  const head = Buffer.alloc(29)
  head.writeInt32BE(-1, 0)
  head.writeInt32BE(waitMs, 4)
  head.writeInt32BE(1, 8)
  head.writeInt32BE(bytesMax, 12)
  head.writeInt8(READ_UNCOMMITTED, 16)
  head.writeInt32BE(0, 17)
  head.writeInt32BE(-1, 21)
  head.writeInt32BE(topics.length, 25)
  const tail = Buffer.alloc(6)
  return Buffer.concat([head, ...topics.map(([topic, ofTopic]) => encodeTopic(topic, ofTopic)), tail])
}

function encodeTopic(topic: string, asks: readonly FetchAsk[]): Buffer {
  const name = Buffer.from(topic)
  const bytes = Buffer.alloc(2 + name.length + 4 + asks.length * 28)
  let at = bytes.writeInt16BE(name.length, 0)
  at += name.copy(bytes, at)
  at = bytes.writeInt32BE(asks.length, at)
  for (const { partition, offset, bytesMax } of asks) {
    at = bytes.writeInt32BE(partition, at)
    at = bytes.writeInt32BE(-1, at)
    at = bytes.writeBigInt64BE(BigInt(offset), at)
    at = bytes.writeBigInt64BE(-1n, at)
    at = bytes.writeInt32BE(bytesMax, at)
  }
  return bytes
}

/*
  Fetch Response (Version: 11) => throttle_time_ms error_code session_id [responses]
    responses => topic [partitions]
      partitions => partition error_code high_watermark last_stable_offset log_start_offset
                    [aborted_transactions] preferred_read_replica records
        INT32, INT16, INT64, INT64, INT64, [INT64 INT64], INT32, NULLABLE_BYTES
*/
export function decodeFetch(payload: Buffer): FetchAnswer[] {
  const reader = new PayloadReader(payload)
  reader.at = 4
  const error = reader.int16()
  reader.at += 4
  const answers: FetchAnswer[] = []
  for (let topics = reader.int32(); topics > 0; topics--) {
    const topic = reader.text()
    for (let partitions = reader.int32(); partitions > 0; partitions--) answers.push(reader.partition(topic, error))
  }
  return answers
}

class PayloadReader {
  at = 0
  private readonly bytes: Buffer

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  int16(): number {
    return this.bytes.readInt16BE((this.at += 2) - 2)
  }

  int32(): number {
    return this.bytes.readInt32BE((this.at += 4) - 4)
  }

  int64(): number {
    return Number(this.bytes.readBigInt64BE((this.at += 8) - 8))
  }

  text(): string {
    const length = this.int16()
    return this.bytes.toString('utf8', this.at, (this.at += length))
  }

  partition(topic: string, requestError: number): FetchAnswer {
    const partition = this.int32()
    const error = this.int16()
    const highWatermark = this.int64()
    this.at += 8
    const logStart = this.int64()
    const aborted = Math.max(0, this.int32())
    this.at += aborted * 16 + 4
    const batches = this.copyOfBytes()
    return {
      topic,
      partition,
      error: error === 0 ? requestError : error,
      highWatermark,
      logStart,
      batches,
      divergesAt: null
    }
  }

  /** Out of kafkajs' buffer: what is kept of one partition must not keep the whole response. */
  private copyOfBytes(): Buffer {
    const length = Math.max(0, this.int32())
    const copy = Buffer.allocUnsafeSlow(length)
    this.bytes.copy(copy, 0, this.at, (this.at += length))
    return copy
  }
}
