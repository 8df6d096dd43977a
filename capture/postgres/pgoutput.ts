import { lsn, type Lsn } from '@tidemark/schemas/position.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { NULL_LENGTH, UNCHANGED_LENGTH, Tuple } from '@tidemark/schemas/tuple.ts'

/** Microseconds from the Unix epoch to PostgreSQL's, 2000-01-01. */
export const postgresEpochMicros = 946_684_800_000_000

/** XLogData: 'w', int64 start, int64 end, int64 time; then the plugin's message. */
export const walDataHeaderBytes = 25
/** Keepalive: 'k', int64 end of WAL sent, int64 time, byte: reply asked. */
const keepaliveBytes = 18

export type ReplicaIdentity = 'default' | 'nothing' | 'full' | 'index'
/** What an update or delete tells of the old row. */
export type OldTupleKind = 'none' | 'key' | 'full'

export interface RelationColumn {
  name: string
  /** Part of the replica identity; under FULL every column is. */
  identity: boolean
  typeOid: number
  modifier: number
}

export interface RelationMessage {
  id: number
  schema: string
  name: string
  replicaIdentity: ReplicaIdentity
  columns: RelationColumn[]
}

/**
 * What a replication stream says, message by message. Tuples and byte ranges are valid until the call returns; the two
 * tuples are the decoder's own and filled again. Times are microseconds since the Unix epoch, by the server's clock.
 */
export interface PgoutputHandler {
  /** The message told next stands in the log at the LSN of 8 bytes that `buffer` has at `start`. */
  place(buffer: Buffer, start: number): void
  keepalive(walEnd: Lsn, time: number, replyAsked: boolean): void
  begin(finalLsn: Lsn, commitTime: number, xid: number): void
  commit(commitLsn: Lsn, endLsn: Lsn, commitTime: number): void
  origin(commitLsn: Lsn, name: string): void
  relation(relation: RelationMessage): void
  type(oid: number, schema: string, name: string): void
  insert(relationId: number, row: Tuple): void
  update(relationId: number, oldKind: OldTupleKind, old: Tuple, row: Tuple): void
  delete(relationId: number, oldKind: OldTupleKind, old: Tuple): void
  truncate(relationIds: readonly number[], cascade: boolean, restartIdentity: boolean): void
  message(
    transactional: boolean,
    at: Lsn,
    prefix: string,
    buffer: Buffer,
    start: number,
    end: number,
    sent: number
  ): void
}

/** By their letter in the stream and in pg_class.relreplident. */
export const replicaIdentities: Readonly<Record<string, ReplicaIdentity>> = {
  d: 'default',
  n: 'nothing',
  f: 'full',
  i: 'index'
}

/**
 * Decodes pgoutput protocol version 1 inside the streaming replication protocol (manual, "Logical Replication Message
 * Formats" and "Streaming Replication Protocol"). Stateless but for the tuples it fills. xids and OIDs are unsigned.
 * Every length is checked against the frame; a byte left over is as wrong as a missing one.
 */
export class PgoutputDecoder {
  private readonly handler: PgoutputHandler
  private readonly binary: boolean
  private readonly old = new Tuple()
  private readonly row = new Tuple()
  private buffer: Buffer = Buffer.alloc(0)
  private at = 0
  private end = 0

  /** `binary`: whether binary columns were asked for; the tuple does not tell them from text. */
  constructor(handler: PgoutputHandler, options: { binary?: boolean } = {}) {
    this.handler = handler
    this.binary = options.binary ?? false
  }

  /** Decodes one CopyData payload and calls the handler once. Throws PROTOCOL_INVALID. */
  decode(buffer: Buffer, start: number, end: number): void {
    this.buffer = buffer
    this.at = start + 1
    this.end = end
    if (start < end && buffer[start] === 0x77) this.walData(start)
    else if (start < end && buffer[start] === 0x6b) this.keepalive(start)
    else throw this.invalid(start < end ? `kind ${buffer[start]}` : 'no content')
  }

  private keepalive(start: number): void {
    if (this.end - start < keepaliveBytes) throw this.cut()
    const walEnd = this.lsn()
    const time = this.time()
    const replyAsked = this.uint8() === 1
    this.complete()
    this.handler.keepalive(walEnd, time, replyAsked)
  }

  private walData(start: number): void {
    if (this.end - start <= walDataHeaderBytes) throw this.cut()
    this.handler.place(this.buffer, start + 1)
    this.at = start + walDataHeaderBytes
    const kind = this.buffer[this.at++]!
    switch (kind) {
      case 0x49: // I
        return this.insert()
      case 0x55: // U
        return this.update()
      case 0x44: // D
        return this.delete()
      case 0x42: // B
        return this.begin()
      case 0x43: // C
        return this.commit()
      case 0x52: // R
        return this.relation()
      case 0x59: // Y
        return this.type()
      case 0x54: // T
        return this.truncate()
      case 0x4d: // M
        return this.message(start)
      case 0x4f: // O
        return this.origin()
      default:
        throw this.invalid(`unknown message ${kind}`)
    }
  }

  private begin(): void {
    const finalLsn = this.lsn()
    const time = this.time()
    const xid = this.uint32()
    this.complete()
    this.handler.begin(finalLsn, time, xid)
  }

  private commit(): void {
    if (this.uint8() !== 0) throw this.invalid('commit with flags')
    const commitLsn = this.lsn()
    const endLsn = this.lsn()
    const time = this.time()
    this.complete()
    this.handler.commit(commitLsn, endLsn, time)
  }

  private origin(): void {
    const commitLsn = this.lsn()
    const name = this.text()
    this.complete()
    this.handler.origin(commitLsn, name)
  }

  private relation(): void {
    const id = this.uint32()
    const schema = this.text()
    const name = this.text()
    const replicaIdentity = replicaIdentities[String.fromCharCode(this.uint8())]
    if (replicaIdentity === undefined) throw this.invalid('unknown replica identity')
    const count = this.uint16()
    const columns: RelationColumn[] = []
    for (let index = 0; index < count; index++) columns.push(this.relationColumn())
    this.complete()
    // The server names pg_catalog by an empty string (logicalrep_write_namespace).
    this.handler.relation({ id, schema: schema === '' ? 'pg_catalog' : schema, name, replicaIdentity, columns })
  }

  private relationColumn(): RelationColumn {
    const flags = this.uint8()
    const name = this.text()
    const typeOid = this.uint32()
    return { name, identity: (flags & 1) === 1, typeOid, modifier: this.uint32() | 0 }
  }

  private type(): void {
    const oid = this.uint32()
    const schema = this.text()
    const name = this.text()
    this.complete()
    this.handler.type(oid, schema === '' ? 'pg_catalog' : schema, name)
  }

  private insert(): void {
    const relationId = this.uint32()
    if (this.uint8() !== 0x4e) throw this.invalid('insert without a new row')
    this.tuple(this.row)
    this.complete()
    this.handler.insert(relationId, this.row)
  }

  private update(): void {
    const relationId = this.uint32()
    let kind = this.uint8()
    let oldKind: OldTupleKind = 'none'
    if (kind !== 0x4e) {
      oldKind = this.oldTuple(kind)
      kind = this.uint8()
    }
    if (kind !== 0x4e) throw this.invalid('update without a new row')
    this.tuple(this.row)
    this.complete()
    this.handler.update(relationId, oldKind, this.old, this.row)
  }

  private delete(): void {
    const relationId = this.uint32()
    const oldKind = this.oldTuple(this.uint8())
    this.complete()
    this.handler.delete(relationId, oldKind, this.old)
  }

  private oldTuple(kind: number): OldTupleKind {
    if (kind !== 0x4b && kind !== 0x4f) throw this.invalid(`unknown row part ${kind}`)
    this.tuple(this.old)
    return kind === 0x4b ? 'key' : 'full'
  }

  private truncate(): void {
    const count = this.uint32()
    const options = this.uint8()
    // A count the frame cannot hold must not be allocated.
    if (count * 4 > this.end - this.at) throw this.cut()
    const relationIds: number[] = []
    for (let index = 0; index < count; index++) relationIds.push(this.uint32())
    this.complete()
    this.handler.truncate(relationIds, (options & 1) !== 0, (options & 2) !== 0)
  }

  private message(frameStart: number): void {
    const transactional = (this.uint8() & 1) === 1
    const at = this.lsn()
    const prefix = this.text()
    const length = this.uint32()
    const start = this.at
    if (length > this.end - start) throw this.cut()
    this.at = start + length
    const sent = micros(this.buffer.readBigInt64BE(frameStart + 17))
    this.complete()
    this.handler.message(transactional, at, prefix, this.buffer, start, start + length, sent)
  }

  /** TupleData: int16 columns; each 'n' null, 'u' unchanged TOAST, or 't' text / 'b' binary with int32 length and bytes. */
  private tuple(tuple: Tuple): void {
    const count = this.uint16()
    tuple.reserve(count)
    tuple.count = count
    tuple.bytes = this.buffer
    const { starts, lengths } = tuple
    const buffer = this.buffer
    const end = this.end
    let at = this.at
    for (let index = 0; index < count; index++) {
      if (at >= end) throw this.cut()
      const kind = buffer[at++]
      if (kind === 0x74 || (kind === 0x62 && this.binary)) {
        if (end - at < 4) throw this.cut()
        const length = (buffer[at]! << 24) | (buffer[at + 1]! << 16) | (buffer[at + 2]! << 8) | buffer[at + 3]!
        at += 4
        if (length < 0 || length > end - at) throw this.cut()
        starts[index] = at
        lengths[index] = length
        at += length
      } else {
        starts[index] = at
        lengths[index] = this.absent(kind!)
      }
    }
    this.at = at
  }

  private absent(kind: number): number {
    if (kind === 0x6e) return NULL_LENGTH
    if (kind === 0x75) return UNCHANGED_LENGTH
    throw this.invalid(kind === 0x62 ? 'a binary column that was not asked for' : `unknown column kind ${kind}`)
  }

  /** Before the handler is called: a message that is wrong anywhere is not handed on in part. */
  private complete(): void {
    if (this.at !== this.end) throw this.invalid(`${this.end - this.at} bytes too many`)
  }

  private uint8(): number {
    if (this.at >= this.end) throw this.cut()
    return this.buffer[this.at++]!
  }

  private uint16(): number {
    if (this.end - this.at < 2) throw this.cut()
    const value = this.buffer.readUInt16BE(this.at)
    this.at += 2
    return value
  }

  private uint32(): number {
    if (this.end - this.at < 4) throw this.cut()
    const value = this.buffer.readUInt32BE(this.at)
    this.at += 4
    return value
  }

  private lsn(): Lsn {
    if (this.end - this.at < 8) throw this.cut()
    const value = lsn(this.buffer.readBigUInt64BE(this.at))
    this.at += 8
    return value
  }

  private time(): number {
    if (this.end - this.at < 8) throw this.cut()
    const value = micros(this.buffer.readBigInt64BE(this.at))
    this.at += 8
    return value
  }

  private text(): string {
    const zero = this.buffer.indexOf(0, this.at)
    if (zero < 0 || zero >= this.end) throw this.cut()
    const value = this.buffer.toString('utf8', this.at, zero)
    this.at = zero + 1
    return value
  }

  private cut(): TidemarkError {
    return this.invalid('it ends too early')
  }

  private invalid(what: string): TidemarkError {
    return new TidemarkError('PROTOCOL_INVALID', {
      message: `a replication message is not of pgoutput version 1: ${what}`
    })
  }
}

function micros(postgresTime: bigint): number {
  return Number(postgresTime) + postgresEpochMicros
}
