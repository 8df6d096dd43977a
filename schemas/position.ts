/** A place in PostgreSQL's write-ahead log: unsigned 64 bits. */
export type Lsn = bigint & { readonly __brand: 'Lsn' }

/** A place in a source's log as bytes: PostgreSQL's commit end-LSN, 8 bytes big-endian; MQ: the ids of section 5.6. */
export type PositionBytes = Uint8Array

export function lsn(value: bigint): Lsn {
  return BigInt.asUintN(64, value) as Lsn
}

/** Parses PostgreSQL's `16/B374D848`. Throws SyntaxError on anything else. */
export function parseLsn(text: string): Lsn {
  const match = /^([0-9A-Fa-f]{1,8})\/([0-9A-Fa-f]{1,8})$/.exec(text)
  if (!match) throw new SyntaxError(`not an LSN: ${text}`)
  return lsn((BigInt(`0x${match[1]}`) << 32n) | BigInt(`0x${match[2]}`))
}

export function formatLsn(value: Lsn): string {
  return `${(value >> 32n).toString(16).toUpperCase()}/${(value & 0xffffffffn).toString(16).toUpperCase()}`
}

export function lsnToBytes(value: Lsn): PositionBytes {
  const bytes = Buffer.allocUnsafe(8)
  bytes.writeBigUInt64BE(value)
  return bytes
}

/** Throws RangeError unless `bytes` are exactly 8. */
export function lsnFromBytes(bytes: PositionBytes): Lsn {
  if (bytes.length !== 8) throw new RangeError(`a PostgreSQL position has 8 bytes, not ${bytes.length}`)
  return Buffer.from(bytes.buffer, bytes.byteOffset, 8).readBigUInt64BE() as Lsn
}
