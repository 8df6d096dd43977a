import type { KeyObject } from 'node:crypto'
import type { SecretKeys } from '@tidemark/schemas/protected-field.ts'

/** A public key of one reader. */
export interface ReaderPublicKey {
  /** 8 bytes. */
  readonly id: Buffer
  readonly key: KeyObject
}

/** A key of the configuration, loaded. The agent holds public keys; a secret only for deterministic and tokenise. */
export interface ProtectionKey {
  readonly name: string
  readonly readers: readonly ReaderPublicKey[]
  readonly secret: SecretKeys | null
  /** A data key serves at most so many values.. */
  readonly rotateAfterValues: number
  /** ..and at most so long. */
  readonly rotateAfterMs: number
}

/** By name. */
export type ProtectionKeys = ReadonlyMap<string, ProtectionKey>
