import { AES_GCM_SUBJECT, type FieldPlace } from '@tidemark/schemas/protected-field.ts'
import { subjectBound } from '@tidemark/schemas/subject-key.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { Tuple } from '@tidemark/schemas/tuple.ts'
import type { Scratch } from '../scratch.ts'
import type { ColumnProtector } from './column-protector.ts'
import { sealGcm } from './envelope-protector.ts'
import type { RandomPool } from './field-writer.ts'
import type { SubjectKeys } from './subject-keys.ts'

export interface SubjectProtectorOptions {
  keys: SubjectKeys
  ivs: RandomPool
  place: FieldPlace
  /** Name and index, in the source's table, of the column that names the subject. */
  subject: { name: string; index: number }
}

/** `encrypt` with `subject`: AES-256-GCM under a data key of the row's subject, bound to its place and its subject. */
export class SubjectProtector implements ColumnProtector {
  private readonly options: SubjectProtectorOptions
  private image: Tuple | null = null

  constructor(options: SubjectProtectorOptions) {
    this.options = options
  }

  see(image: Tuple): void {
    this.image = image
  }

  /** Throws ROW_UNSUITABLE for a value without a subject: nobody could destroy its key. */
  write(source: Buffer, start: number, end: number, into: Scratch): void {
    const { keys, ivs, place } = this.options
    const key = keys.use(this.subject())
    const associated = subjectBound(key.id, place, key.handle)
    sealGcm({ algorithm: AES_GCM_SUBJECT, id: key.id, secret: key.secret, associated }, ivs, source, start, end, into)
  }

  private subject(): string {
    const { place, subject } = this.options
    const { bytes, starts, lengths } = this.image!
    const length = lengths[subject.index]!
    if (length >= 0) return bytes.toString('utf8', starts[subject.index]!, starts[subject.index]! + length)
    throw new TidemarkError('ROW_UNSUITABLE', {
      message: `column ${subject.name} of ${place.table}, the subject of ${place.column}, is null or was not sent`,
      cure: `make ${subject.name} NOT NULL, and set REPLICA IDENTITY FULL where it is not in the key`
    })
  }
}
