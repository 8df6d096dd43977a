import { subjectKeyOf, wrappedKeyOf, type SubjectKey } from '@tidemark/schemas/subject-key.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { LogReader } from './log-reader.ts'
import { RecordReader } from './record-batch/record-reader.ts'

export interface SubjectKeyLogOptions {
  reader: LogReader
  topic: string
  partitions: number
  /** Bytes of keys held; beyond it reading stops. */
  bytesMax: number
}

const fetchBytesMax = 4_194_304
const fetchWaitMs = 500

interface Place {
  readonly partition: number
  /** Next offset to be read. */
  next: number
  /** Offset after the last record, when it was asked for last. */
  end: number
}

/** The data keys of subjects as their topic has them: those destroyed are not in it. */
export class SubjectKeyLog {
  private readonly options: SubjectKeyLogOptions
  private readonly places: readonly Place[]
  /** By data key id, in hexadecimal digits. */
  private readonly keys = new Map<string, SubjectKey & { readonly bytes: number }>()
  private bytes = 0
  private reading: Promise<void> | null = null

  constructor(options: SubjectKeyLogOptions) {
    this.options = options
    this.places = Array.from({ length: options.partitions }, (_, partition) => ({ partition, next: 0, end: 0 }))
  }

  get size(): number {
    return this.keys.size
  }

  find(keyId: string): SubjectKey | null {
    return this.keys.get(keyId) ?? null
  }

  /** Ids of the data keys of a subject. */
  idsOf(handle: string): string[] {
    return [...this.keys].filter(([, key]) => key.handle === handle).map(([id]) => id)
  }

  /** Resolves when everything that was in the topic at the call is known. Throws what reading throws, SUBJECT_KEYS_TOO_LARGE. */
  async catchUp(): Promise<void> {
    // One that is under way may have asked for the end before this call.
    while (this.reading !== null) await this.reading
    this.reading = this.read()
    try {
      await this.reading
    } finally {
      this.reading = null
    }
  }

  private async read(): Promise<void> {
    const { reader, topic } = this.options
    await Promise.all(
      this.places.map(async place => {
        const { start, end } = await reader.bounds(topic, place.partition)
        place.next = Math.max(place.next, start)
        place.end = end
      })
    )
    for (;;) {
      const behind = this.places.filter(({ next, end }) => next < end)
      if (behind.length === 0) return
      const requests = behind.map(({ partition, next }) => ({
        topic,
        partition,
        offset: next,
        bytesMax: fetchBytesMax
      }))
      for (const { partition, batches } of await reader.fetch(requests, fetchWaitMs)) {
        this.take(this.places[partition]!, batches)
      }
    }
  }

  private take(place: Place, batches: Buffer): void {
    const records = new RecordReader()
    records.reset(batches, place.next, this.options.topic)
    while (records.next()) {
      if (records.keyStart < 0) continue
      const key = subjectKeyOf(records.bytes.toString('utf8', records.keyStart, records.keyEnd))
      if (key === null) continue
      if (records.valueStart < 0) this.forget(key.keyId)
      else this.keep(key, records.bytes.toString('utf8', records.valueStart, records.valueEnd))
    }
    place.next = records.nextOffset
  }

  private keep({ handle, keyId }: { handle: string; keyId: string }, value: string): void {
    const wrapped = wrappedKeyOf(value)
    if (wrapped === null) return
    this.forget(keyId)
    const bytes = handle.length + keyId.length + value.length + entryBytes
    this.bytes += bytes
    this.keys.set(keyId, { handle, wrapped, bytes })
    const { bytesMax, topic } = this.options
    if (this.bytes <= bytesMax) return
    throw new TidemarkError('SUBJECT_KEYS_TOO_LARGE', {
      message: `the keys of subjects in ${topic} take more than ${bytesMax} bytes`,
      place: topic
    })
  }

  private forget(keyId: string): void {
    this.bytes -= this.keys.get(keyId)?.bytes ?? 0
    this.keys.delete(keyId)
  }
}

/** What an entry costs besides its text. */
const entryBytes = 400
