import type { ParkedOperation } from '@tidemark/schemas/commit-stream.ts'
import { BY_KEY, type AnnotatedSink, type HeaderBlock, type OutputName, type Topic } from '../record-sink.ts'
import { readHeaders } from './header-reader.ts'

/** A record as it reached the sink, as copies. */
export interface CollectedRecord {
  readonly topic: string
  /** null: chosen by the key, or by the hash of a column's value. */
  readonly partition: number | null
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly (readonly [name: string, value: Buffer | null])[]
  /** What made it; null: nothing said so, as with what processors send. */
  readonly output: OutputName | null
}

/** A sink that keeps what it gets until it is taken, for those who show records instead of sending them. */
export class CollectingSink implements AnnotatedSink {
  private records: CollectedRecord[] = []
  private annotations = new Map<string, Buffer>()
  private parked: ParkedOperation[] = []
  private output: OutputName | null = null

  topic(name: string): Topic {
    return { name }
  }

  writesAs(output: OutputName | null): void {
    this.output = output
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
    this.records.push({
      topic: topic.name,
      partition: partition <= BY_KEY ? null : partition,
      key: key === null ? null : Buffer.from(key.subarray(keyStart, keyEnd)),
      value: value === null ? null : Buffer.from(value.subarray(valueStart, valueEnd)),
      headers: headers === null ? [] : readHeaders(headers),
      output: this.output
    })
  }

  annotate(name: string, value: Uint8Array): void {
    this.annotations.set(name, Buffer.from(value))
  }

  park(operation: ParkedOperation): void {
    this.parked.push(operation)
  }

  /** Operations set aside since the last call. */
  takeParked(): ParkedOperation[] {
    const taken = this.parked
    this.parked = []
    return taken
  }

  /** The records since the last call. */
  take(): CollectedRecord[] {
    const taken = this.records
    this.records = []
    return taken
  }

  /** The annotations since the last call. */
  takeAnnotations(): ReadonlyMap<string, Buffer> {
    const taken = this.annotations
    this.annotations = new Map()
    return taken
  }
}
