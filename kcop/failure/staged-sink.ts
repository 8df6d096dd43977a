import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { AnnotatedSink, HeaderBlock, OutputName, Topic, TransactionPlace } from '../record-sink.ts'
import { Scratch } from '../scratch.ts'

/** More than a few largest rows in several outputs; an endless loop of sends ends here. */
const callBytesMaxDefault = 67_108_864
/** What a record costs besides its bytes. */
const recordBytes = 64

/** Ranges of one staged record in the scratch, in this order: key, value, headers. -1 as an end: null. */
const fields = ['partition', 'keyStart', 'keyEnd', 'valueStart', 'valueEnd', 'headersEnd', 'headerCount'] as const
const stride = fields.length

/**
 * The sink of calls whose output is bounded, and that may have to be withdrawn: between `open` and `close` records go
 * through, or are kept back until `release`. What one operation made is handed on whole or not at all.
 */
export class StagedSink implements AnnotatedSink {
  private readonly sink: AnnotatedSink
  private readonly callBytesMax: number
  private state: 'closed' | 'through' | 'staging' = 'closed'
  /** Bytes the call has written so far. */
  private written = 0
  private count = 0
  private readonly topics: Topic[] = []
  /** `stride` numbers for each record. */
  private readonly ranges: number[] = []
  private readonly scratch = new Scratch()
  private readonly annotations = new Map<string, Uint8Array>()
  /** Where somebody shows records: tells the output that writes those which follow, now or when they are handed on. */
  readonly writesAs?: (output: OutputName | null) => void
  private output: OutputName | null = null
  private readonly outputs: (OutputName | null)[] = []
  private readonly headers: HeaderBlock = { count: 0, bytes: this.scratch.bytes, start: 0, end: 0 }

  constructor(sink: AnnotatedSink, callBytesMax = callBytesMaxDefault) {
    this.sink = sink
    this.callBytesMax = callBytesMax
    if (sink.writesAs === undefined) return
    this.writesAs = output => {
      this.output = output
      if (this.state !== 'staging') sink.writesAs!(output)
    }
  }

  /** A call begins. `staging`: what it writes is kept back. */
  open(staging: boolean): void {
    this.state = staging ? 'staging' : 'through'
    this.written = 0
    this.output = null
    this.discard()
  }

  /** The call is over: nothing more may be written. What is staged stays. */
  close(): void {
    this.state = 'closed'
  }

  /** Withdraws what is staged. */
  discard(): void {
    this.count = 0
    this.scratch.trim()
    if (this.annotations.size > 0) this.annotations.clear()
  }

  /** Resolves when it is known whether the sink takes what is staged; null: `release` can be called now. */
  known(): Promise<void> | null {
    const { sink, count, topics } = this
    const waits: Promise<void>[] = []
    for (let index = 0; index < count; index++) {
      const wait = sink.known?.(topics[index]!) ?? null
      if (wait !== null) waits.push(wait)
    }
    return waits.length === 0 ? null : Promise.all(waits).then(() => {})
  }

  /** Hands on all that is staged, or throws what the sink has against any of it and hands on nothing. */
  release(): void {
    for (let index = 0; index < this.count; index++) this.requireAdmitted(index)
    if (this.annotations.size > 0) this.requireAnnotationsAdmitted()
    for (let index = 0; index < this.count; index++) this.handOn(index)
    this.sink.writesAs?.(null)
    for (const [name, value] of this.annotations) this.sink.annotate(name, value)
    this.discard()
  }

  topic(name: string): Topic {
    return this.sink.topic(name)
  }

  place(): TransactionPlace {
    return this.sink.place!()
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
    const keyBytes = key === null ? 0 : keyEnd - keyStart
    const valueBytes = value === null ? 0 : valueEnd - valueStart
    this.meter(keyBytes + valueBytes + (headers === null ? 0 : headers.end - headers.start) + recordBytes)
    if (this.state === 'through') {
      this.sink.append(topic, partition, key, keyStart, keyEnd, value, valueStart, valueEnd, headers)
      return
    }
    const at = this.count * stride
    this.outputs[this.count] = this.output
    this.topics[this.count++] = topic
    this.ranges[at] = partition
    this.ranges[at + 1] = this.scratch.length
    this.ranges[at + 2] = this.keep(key, keyStart, keyEnd)
    this.ranges[at + 3] = this.scratch.length
    this.ranges[at + 4] = this.keep(value, valueStart, valueEnd)
    this.ranges[at + 5] = this.keep(headers?.bytes ?? null, headers?.start ?? 0, headers?.end ?? 0)
    this.ranges[at + 6] = headers?.count ?? 0
  }

  annotate(name: string, value: Uint8Array): void {
    this.meter(name.length + value.length + recordBytes)
    if (this.state === 'through') this.sink.annotate(name, value)
    else this.annotations.set(name, value)
  }

  private meter(bytes: number): void {
    if (this.state === 'closed') {
      throw new TidemarkError('RECORD_INVALID', {
        message: 'something was written to `out` outside of a call',
        cure: 'write to `out` within the call only'
      })
    }
    this.written += bytes
    if (this.written > this.callBytesMax) throw tooMuch(this.callBytesMax)
  }

  /** Where the bytes end in the scratch; -1 for null. */
  private keep(bytes: Buffer | null, start: number, end: number): number {
    if (bytes === null) return -1
    this.scratch.append(bytes, start, end)
    return this.scratch.length
  }

  private requireAdmitted(index: number): void {
    const { ranges, sink } = this
    const at = index * stride
    const [partition, keyStart] = [ranges[at]!, ranges[at + 1]!]
    const end = Math.max(keyStart, ranges[at + 2]!, ranges[at + 4]!, ranges[at + 5]!)
    sink.admit?.(this.topics[index]!, partition, end - keyStart)
  }

  private requireAnnotationsAdmitted(): void {
    let bytes = 0
    for (const [name, value] of this.annotations) bytes += name.length + value.length
    this.sink.admitAnnotations?.(bytes)
  }

  private handOn(index: number): void {
    const { ranges, headers } = this
    const { bytes } = this.scratch
    const at = index * stride
    const [keyEnd, valueStart, valueEnd, headersEnd] = [
      ranges[at + 2]!,
      ranges[at + 3]!,
      ranges[at + 4]!,
      ranges[at + 5]!
    ]
    this.sink.writesAs?.(this.outputs[index]!)
    headers.bytes = bytes
    headers.start = valueEnd < 0 ? valueStart : valueEnd
    headers.end = headersEnd
    headers.count = ranges[at + 6]!
    this.sink.append(
      this.topics[index]!,
      ranges[at]!,
      keyEnd < 0 ? null : bytes,
      ranges[at + 1]!,
      keyEnd,
      valueEnd < 0 ? null : bytes,
      valueStart,
      valueEnd,
      headersEnd < 0 ? null : headers
    )
  }
}

function tooMuch(bytes: number): TidemarkError {
  return new TidemarkError('OUTPUT_TOO_LARGE', { message: `one call wrote more than ${bytes} bytes to \`out\`` })
}
