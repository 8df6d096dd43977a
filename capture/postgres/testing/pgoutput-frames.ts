import { postgresEpochMicros } from '../pgoutput.ts'
import type { RelationMessage } from '../pgoutput.ts'

/** A column's value as pgoutput sends it; text, null, or left out because unchanged. */
export type FrameValue = string | null | { unchanged: true } | { binary: Uint8Array }

export const unchangedValue: FrameValue = { unchanged: true }

const identityCodes = { default: 'd', nothing: 'n', full: 'f', index: 'i' } as const

/** Builds CopyData payloads as a server's walsender does: the encoder the tests decode. */
class FrameBuilder {
  private readonly parts: Buffer[] = []

  uint8(value: number): this {
    return this.add(Buffer.of(value))
  }

  uint16(value: number): this {
    const bytes = Buffer.alloc(2)
    bytes.writeUInt16BE(value)
    return this.add(bytes)
  }

  uint32(value: number): this {
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32BE(value >>> 0)
    return this.add(bytes)
  }

  uint64(value: bigint): this {
    const bytes = Buffer.alloc(8)
    bytes.writeBigUInt64BE(BigInt.asUintN(64, value))
    return this.add(bytes)
  }

  time(unixMicros: number): this {
    return this.uint64(BigInt(unixMicros - postgresEpochMicros))
  }

  letter(letter: string): this {
    return this.add(Buffer.from(letter, 'latin1'))
  }

  text(text: string): this {
    return this.add(Buffer.from(`${text}\0`))
  }

  bytes(bytes: Uint8Array): this {
    return this.uint32(bytes.length).add(Buffer.from(bytes))
  }

  tuple(values: readonly FrameValue[]): this {
    this.uint16(values.length)
    for (const value of values) this.value(value)
    return this
  }

  private value(value: FrameValue): this {
    if (value === null) return this.letter('n')
    if (typeof value === 'string') return this.letter('t').bytes(Buffer.from(value))
    return 'binary' in value ? this.letter('b').bytes(value.binary) : this.letter('u')
  }

  private add(bytes: Buffer): this {
    this.parts.push(bytes)
    return this
  }

  build(): Buffer {
    return Buffer.concat(this.parts)
  }
}

function walData(letter: string, sent = postgresEpochMicros): FrameBuilder {
  return new FrameBuilder().letter('w').uint64(1n).uint64(2n).time(sent).letter(letter)
}

export function keepaliveFrame(walEnd: bigint, time: number, replyAsked: boolean): Buffer {
  return new FrameBuilder()
    .letter('k')
    .uint64(walEnd)
    .time(time)
    .uint8(replyAsked ? 1 : 0)
    .build()
}

export function beginFrame(finalLsn: bigint, commitTime: number, xid: number): Buffer {
  return walData('B').uint64(finalLsn).time(commitTime).uint32(xid).build()
}

export function commitFrame(commitLsn: bigint, endLsn: bigint, commitTime: number): Buffer {
  return walData('C').uint8(0).uint64(commitLsn).uint64(endLsn).time(commitTime).build()
}

export function originFrame(commitLsn: bigint, name: string): Buffer {
  return walData('O').uint64(commitLsn).text(name).build()
}

export function relationFrame(relation: RelationMessage): Buffer {
  const frame = walData('R').uint32(relation.id).text(relation.schema).text(relation.name)
  frame.letter(identityCodes[relation.replicaIdentity]).uint16(relation.columns.length)
  for (const column of relation.columns) {
    frame
      .uint8(column.identity ? 1 : 0)
      .text(column.name)
      .uint32(column.typeOid)
      .uint32(column.modifier)
  }
  return frame.build()
}

export function typeFrame(oid: number, schema: string, name: string): Buffer {
  return walData('Y').uint32(oid).text(schema).text(name).build()
}

export function insertFrame(relationId: number, row: readonly FrameValue[]): Buffer {
  return walData('I').uint32(relationId).letter('N').tuple(row).build()
}

export function updateFrame(
  relationId: number,
  row: readonly FrameValue[],
  old?: { kind: 'key' | 'full'; values: readonly FrameValue[] }
): Buffer {
  const frame = walData('U').uint32(relationId)
  if (old) frame.letter(old.kind === 'key' ? 'K' : 'O').tuple(old.values)
  return frame.letter('N').tuple(row).build()
}

export function deleteFrame(relationId: number, kind: 'key' | 'full', values: readonly FrameValue[]): Buffer {
  return walData('D')
    .uint32(relationId)
    .letter(kind === 'key' ? 'K' : 'O')
    .tuple(values)
    .build()
}

export function truncateFrame(relationIds: readonly number[], cascade = false, restartIdentity = false): Buffer {
  const frame = walData('T').uint32(relationIds.length)
  frame.uint8((cascade ? 1 : 0) | (restartIdentity ? 2 : 0))
  for (const id of relationIds) frame.uint32(id)
  return frame.build()
}

export function messageFrame(
  transactional: boolean,
  at: bigint,
  prefix: string,
  content: Uint8Array,
  sent?: number
): Buffer {
  return walData('M', sent)
    .uint8(transactional ? 1 : 0)
    .uint64(at)
    .text(prefix)
    .bytes(content)
    .build()
}
