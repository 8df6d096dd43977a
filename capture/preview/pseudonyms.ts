import { createHmac } from 'node:crypto'
import type { ColumnType } from '@tidemark/schemas/table.ts'

const daySeconds = 86_400
const daysMax = 20_000

/**
 * Stands-in for values that shall not be written down: of the same type, equal for equal values within one recording, and
 * by a secret that is kept nowhere not to be led back. Types without such a form become null.
 */
export class Pseudonyms {
  private readonly secret: Buffer

  constructor(secret: Buffer) {
    this.secret = secret
  }

  of({ kind }: ColumnType, text: string): string | null {
    const digest = createHmac('sha256', this.secret).update(text).digest()
    switch (kind) {
      case 'text':
        return digest.toString('base64url', 0, 12)
      case 'int2':
        return String(digest.readUInt16BE() & 0x7fff)
      case 'int4':
      case 'oid':
        return String(digest.readUInt32BE() & 0x7fffffff)
      case 'int8':
      case 'numeric':
        return String(digest.readUIntBE(0, 6))
      case 'bytea':
        return `\\x${digest.toString('hex', 0, 12)}`
      case 'json':
        return JSON.stringify(digest.toString('base64url', 0, 12))
      case 'uuid':
        return uuid(digest.toString('hex', 0, 16))
      case 'date':
        return dateOf(digest)
      case 'timestamp':
        return `${dateOf(digest)} 00:00:00`
      case 'timestamptz':
        return `${dateOf(digest)} 00:00:00+00`
      case 'boolean':
      case 'float4':
      case 'float8':
      case 'time':
      case 'timetz':
      case 'interval':
      case 'enum':
      case 'array':
      case 'other':
        return null
    }
  }
}

function uuid(hex: string): string {
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

function dateOf(digest: Buffer): string {
  const days = digest.readUInt32BE() % daysMax
  return new Date(days * daySeconds * 1000).toISOString().slice(0, 10)
}
