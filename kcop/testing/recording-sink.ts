import { readHeaders } from '../display/header-reader.ts'
import type { ParkedOperation } from '@tidemark/schemas/commit-stream.ts'
import { BY_KEY, type AnnotatedSink, type HeaderBlock, type Topic } from '../record-sink.ts'

/** A record as it reached the sink. */
export interface RecordedRecord {
  topic: string
  /** Chosen by the key when absent. */
  partition?: number
  /** A partition by hash (record-sink.ts), as it was stated. */
  stated?: number
  key: string | null
  value: string | null
  headers: Record<string, string | null>
}

/** A sink that keeps what it gets, decoded, for tests. */
export class RecordingSink implements AnnotatedSink {
  readonly records: RecordedRecord[] = []
  /** Values of the same records as bytes. */
  readonly values: (Buffer | null)[] = []
  /** Keys of the same records as bytes. */
  readonly keys: (Buffer | null)[] = []
  readonly annotations: Record<string, string> = {}
  /** Operations that were set aside. */
  readonly parked: ParkedOperation[] = []
  readonly topics = new Set<string>()

  topic(name: string): Topic {
    this.topics.add(name)
    return { name }
  }

  append(
    topic: Topic,
    partition: number,
    key: Buffer | null,
    keyStart: number,
    keyEnd: number,
    value: Buffer | null,
    valueStart: number,
    valueEnd: number,
    headers: HeaderBlock | null
  ): void {
    this.keys.push(key === null ? null : Buffer.from(key.subarray(keyStart, keyEnd)))
    this.values.push(value === null ? null : Buffer.from(value.subarray(valueStart, valueEnd)))
    this.records.push({
      topic: topic.name,
      ...(partition < 0 ? {} : { partition }),
      ...(partition < BY_KEY ? { stated: partition } : {}),
      key: key === null ? null : key.toString('utf8', keyStart, keyEnd),
      value: value === null ? null : value.toString('utf8', valueStart, valueEnd),
      headers: headers === null ? {} : decodeHeaders(headers)
    })
  }

  annotate(name: string, value: Uint8Array): void {
    this.annotations[name] = Buffer.from(value).toString()
  }

  park(operation: ParkedOperation): void {
    this.parked.push({ ...operation })
  }

  /** Takes the records since the last call. */
  take(): RecordedRecord[] {
    this.values.length = 0
    this.keys.length = 0
    return this.records.splice(0)
  }
}

function decodeHeaders(block: HeaderBlock): Record<string, string | null> {
  return Object.fromEntries(readHeaders(block).map(([name, value]) => [name, value === null ? null : value.toString()]))
}
