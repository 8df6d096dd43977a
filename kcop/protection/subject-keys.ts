import { createSecretKey, type KeyObject } from 'node:crypto'
import { keyIdBytes } from '@tidemark/schemas/protected-field.ts'
import { subjectHandle, subjectKeyRecord } from '@tidemark/schemas/subject-key.ts'
import { BY_KEY, type RecordSink, type Topic } from '../record-sink.ts'
import { dataKeyBytes, wrapDataKey, type DataKeyOptions } from './data-key.ts'

/** A data key of one subject, for AES-256-GCM. */
export interface SubjectDataKey {
  readonly id: Buffer
  readonly handle: string
  readonly secret: KeyObject
  readonly since: number
  uses: number
}

export interface SubjectKeysOptions extends DataKeyOptions {
  /** Keys are stored in the transaction whose values they protect: named with them, or void with them. */
  sink: RecordSink
  /** Compacted; see schemas/subject-key.ts. */
  topic: string
  /** Keys held in memory; a subject whose key is held no longer gets a further one. */
  heldMax?: number
}

/** About 1 kB each. */
const heldMaxDefault = 20_000

/**
 * Data keys of subjects, made when first needed, wrapped for the readers and stored in a topic from which they can be
 * taken away. The agent cannot read them back: after a start, or once it holds a subject's key no longer, it makes another.
 */
export class SubjectKeys {
  private readonly options: SubjectKeysOptions
  private readonly heldMax: number
  /** By subject; the one used last at the end. */
  private readonly held = new Map<string, SubjectDataKey>()
  private topic: Topic | null = null

  constructor(options: SubjectKeysOptions) {
    this.options = options
    this.heldMax = options.heldMax ?? heldMaxDefault
  }

  get topicName(): string {
    return this.options.topic
  }

  /** The key for one more value of a subject. Appends the record of a new key to the open transaction. */
  use(subject: string): SubjectDataKey {
    const known = this.held.get(subject)
    this.held.delete(subject)
    const key = known !== undefined && this.serves(known) ? known : this.make(subject)
    if (this.held.size >= this.heldMax) this.held.delete(this.held.keys().next().value!)
    this.held.set(subject, key)
    key.uses++
    return key
  }

  private serves({ uses, since }: SubjectDataKey): boolean {
    const { key, now } = this.options
    return uses < key.rotateAfterValues && now() - since < key.rotateAfterMs
  }

  private make(subject: string): SubjectDataKey {
    const { key, now, randomBytes } = this.options
    const bytes = randomBytes(dataKeyBytes)
    const id = randomBytes(keyIdBytes)
    const handle = subjectHandle(key.name, subject)
    this.store(handle, id, bytes)
    const secret = createSecretKey(bytes)
    bytes.fill(0)
    return { id, handle, secret, since: now(), uses: 0 }
  }

  private store(handle: string, id: Buffer, bytes: Buffer): void {
    const { sink, topic, key } = this.options
    this.topic ??= sink.topic(topic)
    const record = subjectKeyRecord(handle, id, wrapDataKey(key, bytes))
    const recordKey = Buffer.from(record.key)
    const value = Buffer.from(record.value)
    sink.append(this.topic, BY_KEY, recordKey, 0, recordKey.length, value, 0, value.length, null)
  }
}
