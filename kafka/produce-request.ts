import { createAPI, Writer, type Reader } from '@platformatic/kafka'
import type { ProduceAnswer, ProducePart } from './produce-wire.ts'

/*
  Produce Request (Version: 8) => transactional_id acks timeout_ms [topics]     (brokers since 2.4)
    transactional_id => NULLABLE_STRING, acks => INT16, timeout_ms => INT32
    topics => name [partitions]        name => STRING
      partitions => index records      index => INT32, records => NULLABLE_BYTES
*/
function writeRequest(parts: readonly ProducePart[], timeoutMs: number): Writer {
  const topics = Map.groupBy(parts, part => part.topic)
  return Writer.create()
    .appendString(null, false)
    .appendInt16(-1)
    .appendInt32(timeoutMs)
    .appendArray(
      [...topics],
      (writer, [topic, ofTopic]) => {
        writer.appendString(topic, false).appendArray(
          ofTopic,
          (writer, { partition, batch }) => {
            writer.appendInt32(partition).appendBytes(batch, false)
          },
          false,
          false
        )
      },
      false,
      false
    )
}

/*
  Produce Response (Version: 8) => [topics] throttle_time_ms
    topics => name [partitions]
      partitions => index error_code base_offset log_append_time_ms log_start_offset [record_errors] error_message
        index => INT32, error_code => INT16, base_offset, log_append_time_ms, log_start_offset => INT64
        record_errors => batch_index batch_index_error_message        INT32, NULLABLE_STRING
        error_message => NULLABLE_STRING
*/
function readAnswer(_correlation: number, _key: number, _version: number, reader: Reader): ProduceAnswer[] {
  const topics = reader.readArray(
    reader => {
      const topic = reader.readString(false)
      return reader.readArray(reader => readPart(reader, topic), false, false)
    },
    false,
    false
  )
  return topics.flat()
}

function readPart(reader: Reader, topic: string): ProduceAnswer {
  const partition = reader.readInt32()
  const error = reader.readInt16()
  const baseOffset = Number(reader.readInt64())
  reader.skip(16)
  let reason: string | null = null
  reader.readArray(
    reader => {
      reader.readInt32()
      reason ??= reader.readNullableString(false)
    },
    false,
    false
  )
  const message = reader.readNullableString(false) ?? reason
  return { topic, partition, error, baseOffset, ...(message === null ? {} : { message }) }
}

export const produceApi = createAPI<[parts: readonly ProducePart[], timeoutMs: number], ProduceAnswer[]>(
  0,
  8,
  writeRequest,
  readAnswer,
  false,
  false
)
