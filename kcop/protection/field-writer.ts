import type { Scratch } from '../scratch.ts'

/** Appends bytes as base64 with padding. */
export function writeBase64(bytes: Buffer, length: number, into: Scratch): void {
  const digits = Math.ceil(length / 3) * 4
  const target = into.room(digits)
  into.length += target.write(bytes.toString('base64', 0, length), into.length, 'latin1')
}

/** Random bytes by the piece, fetched by the thousand. */
export class RandomPool {
  private readonly randomBytes: (length: number) => Buffer
  private readonly pieceBytes: number
  private pool: Buffer = Buffer.alloc(0)
  private at = 0

  constructor(randomBytes: (length: number) => Buffer, pieceBytes: number) {
    this.randomBytes = randomBytes
    this.pieceBytes = pieceBytes
  }

  /** A piece that nobody was given before. */
  next(): Buffer {
    if (this.at === this.pool.length) {
      this.pool = this.randomBytes(this.pieceBytes * piecesAtOnce)
      this.at = 0
    }
    this.at += this.pieceBytes
    return this.pool.subarray(this.at - this.pieceBytes, this.at)
  }
}

const piecesAtOnce = 1_024
