import { createCipheriv, type KeyObject } from 'node:crypto'
import {
  AES_GCM,
  ivBytes,
  placeBound,
  prefixBytes,
  protectedFieldVersion,
  tagBytes,
  type FieldPlace
} from '@tidemark/schemas/protected-field.ts'
import type { Scratch } from '../scratch.ts'
import { Scratch as Staging } from '../scratch.ts'
import type { ColumnProtector } from './column-protector.ts'
import type { DataKey } from './data-key.ts'
import { writeBase64, type RandomPool } from './field-writer.ts'

const staging = new Staging()

/** `encrypt`: AES-256-GCM under the data key of now, each value with a random IV, bound to its place. */
export class EnvelopeProtector implements ColumnProtector {
  private readonly dataKey: DataKey
  private readonly ivs: RandomPool
  private readonly place: FieldPlace
  private generation = 0
  private associated: Buffer = Buffer.alloc(0)

  constructor(dataKey: DataKey, ivs: RandomPool, place: FieldPlace) {
    this.dataKey = dataKey
    this.ivs = ivs
    this.place = place
  }

  write(source: Buffer, start: number, end: number, into: Scratch): void {
    const { dataKey } = this
    if (dataKey.generation !== this.generation) this.follow()
    dataKey.uses++
    sealGcm(
      { algorithm: AES_GCM, id: dataKey.id, secret: dataKey.current, associated: this.associated },
      this.ivs,
      source,
      start,
      end,
      into
    )
  }

  private follow(): void {
    this.generation = this.dataKey.generation
    this.associated = placeBound(AES_GCM, this.dataKey.id, this.place)
  }
}

/** A key with what its fields are bound to. */
export interface SealingKey {
  readonly algorithm: number
  readonly id: Buffer
  readonly secret: KeyObject
  readonly associated: Buffer
}

/** Appends a value as a protected field under AES-256-GCM. */
export function sealGcm(
  { algorithm, id, secret, associated }: SealingKey,
  ivs: RandomPool,
  source: Buffer,
  start: number,
  end: number,
  into: Scratch
): void {
  const iv = ivs.next()
  const cipher = createCipheriv('aes-256-gcm', secret, iv)
  cipher.setAAD(associated)
  const text = cipher.update(source.subarray(start, end))
  cipher.final()
  const length = prefixBytes + ivBytes + text.length + tagBytes
  staging.length = 0
  const bytes = staging.room(length)
  bytes[0] = protectedFieldVersion
  bytes[1] = algorithm
  id.copy(bytes, 2)
  iv.copy(bytes, prefixBytes)
  text.copy(bytes, prefixBytes + ivBytes)
  cipher.getAuthTag().copy(bytes, length - tagBytes)
  writeBase64(bytes, length, into)
  staging.trim()
}
