import type { Operation } from '@tidemark/schemas/operation.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { StagedSink } from './failure/staged-sink.ts'
import { HeaderWriter } from './header-block.ts'
import type { AnyOperation, HeaderValue, OutgoingRecord, Output } from './processor.ts'
import { BY_KEY, type HeaderBlock, type Topic } from './record-sink.ts'
import { topicNameFault } from './topic-name.ts'

/** So many topics are row values in topic names, not topics. */
const topicsMax = 10_000
/** Kafka's own bound on partitions is memory; this is its type: a signed 32-bit number. */
const partitionMax = 2_147_483_647
const annotationNameMax = 128
const annotationBytesMax = 4_096
/** Written by the producer itself. */
export const truncateAnnotation = 'truncate'
const ownHeader = 'tidemark'

/** What user processors write to: checks what they state, encodes it and appends it to the sink. */
export class RecordOutput implements Output {
  readonly sink: StagedSink
  private readonly byDefault: (operation: Operation) => void
  private readonly topics = new Map<string, Topic>()
  private readonly headers = new HeaderWriter()
  private open = false
  private failure: unknown = null

  /** `byDefault` sends what an operation's table is configured to send. */
  constructor(sink: StagedSink, byDefault: (operation: Operation) => void) {
    this.sink = sink
    this.byDefault = byDefault
  }

  /** From here to `leave` a processor may write. */
  enter(): void {
    this.open = true
    this.failure = null
  }

  /** The first error a call of the processor met, even if it caught it: its transaction would not be whole. */
  leave(): unknown {
    this.open = false
    return this.failure
  }

  send(record: OutgoingRecord): void {
    this.noting(() => this.sendRecord(record))
  }

  default(operation: AnyOperation): void {
    this.noting(() => this.byDefault(operation as Operation))
  }

  annotate(name: string, value: Uint8Array | string): void {
    this.noting(() => {
      if (typeof name !== 'string' || !/^[A-Za-z0-9._-]+$/.test(name) || name.length > annotationNameMax) {
        throw invalid(`the name of an annotation must be 1 to ${annotationNameMax} letters, digits, ".", "_" and "-"`)
      }
      if (name === truncateAnnotation) throw invalid(`annotation ${name} is written by Tidemark itself`)
      const bytes = bytesOf(value, `annotation ${name}`)
      if (bytes === null) throw invalid(`annotation ${name} has no value`)
      if (bytes.length > annotationBytesMax) {
        throw invalid(`annotation ${name} is larger than ${annotationBytesMax} bytes`, 'send large values as records')
      }
      this.sink.annotate(name, Buffer.from(bytes))
    })
  }

  private noting(act: () => void): void {
    if (!this.open) throw invalid('`out` was used after the processor returned', 'write to `out` within the call only')
    try {
      act()
    } catch (error) {
      this.failure ??= error
      throw error
    }
  }

  private sendRecord(record: OutgoingRecord): void {
    if (typeof record !== 'object' || record === null) throw invalid('send() needs a record: {topic, key, value}')
    const topic = this.topic(record.topic)
    const key = bytesOf(record.key, `the key of a record for ${topic.name}`)
    const value = bytesOf(record.value, `the value of a record for ${topic.name}`)
    const headers = this.encodeHeaders(record.headers, topic.name)
    const partition = partitionOf(record.partition, topic.name)
    this.sink.append(topic, partition, key, 0, key?.length ?? 0, value, 0, value?.length ?? 0, headers)
  }

  private topic(name: unknown): Topic {
    if (typeof name !== 'string') throw invalid('the topic of a record is not a string')
    const known = this.topics.get(name)
    if (known !== undefined) return known
    const fault = topicNameFault(name)
    if (fault !== null) throw invalid(`the topic name of a record ${fault}`)
    if (this.topics.size >= topicsMax) throw invalid(`records go to more than ${topicsMax} topics`)
    const topic = this.sink.topic(name)
    this.topics.set(name, topic)
    return topic
  }

  private encodeHeaders(headers: OutgoingRecord['headers'], topic: string): HeaderBlock | null {
    if (headers === undefined || headers === null) return null
    this.headers.clear()
    for (const [name, value] of Object.entries(headers)) this.encodeHeader(name, value, topic)
    return this.headers.count === 0 ? null : this.headers
  }

  private encodeHeader(name: string, value: HeaderValue, topic: string): void {
    if (name === ownHeader) throw invalid(`header ${name} of a record for ${topic} is written by Tidemark itself`)
    const nameBytes = bytesOf(name, `the name of a header of a record for ${topic}`)!
    this.headers.add(nameBytes, bytesOf(value, `header ${name} of a record for ${topic}`))
  }
}

function partitionOf(partition: number | undefined, topic: string): number {
  if (partition === undefined) return BY_KEY
  if (Number.isInteger(partition) && partition >= 0 && partition <= partitionMax) return partition
  throw invalid(`the partition of a record for ${topic} is not a whole number from 0`)
}

/** Buffer over the bytes of a key, value or header. */
function bytesOf(value: unknown, what: string): Buffer | null {
  if (value === null) return null
  if (typeof value === 'string') {
    // Encoding would put U+FFFD in the place of a half surrogate pair.
    if (!value.isWellFormed()) throw invalid(`${what} is a string with half a surrogate pair, which UTF-8 cannot hold`)
    return Buffer.from(value)
  }
  if (Buffer.isBuffer(value)) return value
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.length)
  const found = value === undefined ? 'missing' : `of type ${typeof value}`
  throw invalid(`${what} is ${found}`, 'give a string, bytes, or null; json() makes bytes of rows and objects')
}

function invalid(message: string, cure?: string): TidemarkError {
  return new TidemarkError('RECORD_INVALID', cure === undefined ? { message } : { message, cure })
}
