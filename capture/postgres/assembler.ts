import type { MessageContent, TransactionContext } from '@tidemark/schemas/operation.ts'
import { formatLsn, lsn, lsnToBytes, type Lsn } from '@tidemark/schemas/position.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { Tuple } from '@tidemark/schemas/tuple.ts'
import type { TransactionReceiver } from '../source.ts'
import type { OldTupleKind, PgoutputHandler, RelationMessage } from './pgoutput.ts'
import { publishedIdentity } from './published-identity.ts'
import type { RelationCatalogue, StreamRequest } from './relation-catalogue.ts'
import { fillUnchanged, RelationState, sameDefinition } from './relation-state.ts'
import { RowOperation } from './row-operation.ts'

/**
 * Logical messages emitted outside a transaction's fate (`pg_logical_emit_message(false, ...)`). They stand in the log
 * whether or not the emitting transaction commits, so they are not committed work: ignored by default. As
 * transactions of their own they come at the place where they were written, so before the transaction that wrote them.
 * Their LSN in the stream is the end of their WAL record (logicalmsg_decode), which settles them exactly. The server
 * sends one only when something later has flushed the log.
 */
export type NonTransactionalMessages = 'ignore' | 'transaction'

export interface AssemblerOptions {
  receiver: TransactionReceiver
  catalogue: RelationCatalogue
  /** What the server sends again at or before it is dropped. */
  from: Lsn
  nonTransactionalMessages?: NonTransactionalMessages
}

const noProperties: MessageContent['properties'] = new Map()
const noTransaction: TransactionContext = { sourceId: '', commitTime: 0, position: lsnToBytes(lsn(0n)), kind: 'mirror' }

/**
 * Folds decoded messages into transactions for the receiver. Knows no socket: where it needs the catalogue it sets
 * `wanted`, and its owner must call `looked` before anything else. Throws PROTOCOL_INVALID for messages out of order.
 */
export class Assembler implements PgoutputHandler {
  /** To be looked up before the next message is passed in; null: nothing. */
  wanted: StreamRequest | null = null
  private readonly receiver: TransactionReceiver
  private readonly catalogue: RelationCatalogue
  private readonly handsOnMessages: boolean
  private readonly relations = new Map<number, RelationState>()
  /** As the stream last defined them; partitions too, whose rows come as those of the table they are published by. */
  private readonly definitions = new Map<number, RelationMessage>()
  /** By the partitioned table. */
  private readonly partitions = new Map<number, Set<number>>()
  private readonly typeNames = new Map<number, string>()
  private readonly operation = new RowOperation(noTransaction)
  /** At or before it everything was had in an earlier connection. */
  private readonly from: Lsn
  /** At or before it everything was had, or was told to be nothing, in this one. */
  private passed: Lsn
  private pending: RelationMessage | null = null
  /** The relation of the last row, since most rows are of the table of the row before. */
  private lastId = -1
  private last: RelationState | null = null
  private finalLsn: Lsn | null = null
  private xid = 0
  private dropping = false
  private ordinal = 0

  constructor(options: AssemblerOptions) {
    this.receiver = options.receiver
    this.catalogue = options.catalogue
    this.from = options.from
    this.passed = options.from
    this.handsOnMessages = options.nonTransactionalMessages === 'transaction'
  }

  /** Whether a transaction was begun and not committed yet. */
  get inTransaction(): boolean {
    return this.finalLsn !== null
  }

  /** pgoutput tells of each change where its own log record begins (OutputPluginPrepareWrite). */
  place(buffer: Buffer, start: number): void {
    this.operation.lsnBytes = buffer
    this.operation.lsnStart = start
  }

  /** A keepalive's position tells nothing while a transaction is under way; then it is not passed on. */
  keepalive(walEnd: Lsn): void {
    if (this.finalLsn !== null || walEnd <= this.passed) return
    this.passed = walEnd
    this.receiver.idle(lsnToBytes(walEnd))
  }

  begin(finalLsn: Lsn, commitTime: number, xid: number): void {
    if (this.finalLsn !== null) throw outOfOrder('a transaction begins within another')
    this.finalLsn = finalLsn
    this.xid = xid
    // The final LSN is where the commit record begins, `from` is where one ended: equal means the next one.
    this.dropping = finalLsn < this.from
    this.ordinal = 0
    if (this.dropping) return
    this.checkOrder(finalLsn)
    this.operation.transaction = {
      sourceId: String(xid),
      commitTime,
      position: lsnToBytes(finalLsn),
      kind: 'mirror'
    }
    this.receiver.begin(this.operation.transaction)
  }

  commit(commitLsn: Lsn, endLsn: Lsn): void {
    if (this.finalLsn !== commitLsn) throw outOfOrder('a commit is not of the transaction that was begun')
    this.finalLsn = null
    if (this.dropping) return
    this.passed = endLsn
    this.receiver.commit(lsnToBytes(endLsn))
  }

  origin(): void {}

  type(oid: number, _schema: string, name: string): void {
    this.typeNames.set(oid, name)
  }

  /** Each is looked up, also when it is known: the server repeats a definition when it may have changed. */
  relation(relation: RelationMessage): void {
    this.pending = relation
    const typeOids = relation.columns.map(column => column.typeOid)
    this.wanted = { relationIds: [relation.id], typeOids, xid: this.xid }
  }

  /** What was `wanted` has been loaded into the catalogue, as far as it is there. */
  looked(): void {
    const relation = this.pending
    this.wanted = null
    this.pending = null
    if (relation === null) return
    this.definitions.set(relation.id, relation)
    this.adopt(relation)
    for (const root of this.catalogue.rootsOf(relation.id)) this.addPartition(root, relation.id)
  }

  insert(relationId: number, row: Tuple): void {
    if (this.skips()) return
    const relation = this.relationOf(relationId, row)
    this.operation.setRow('insert', this.ordinal++, relation.table, null, false, relation.rowAfter(row))
    this.receiver.operation(this.operation)
  }

  update(relationId: number, oldKind: OldTupleKind, old: Tuple, row: Tuple): void {
    if (this.skips()) return
    const relation = this.relationOf(relationId, row)
    if (oldKind !== 'none') checkWidth(relation, old)
    const kind = relation.kindOf(oldKind)
    if (kind === 'full') fillUnchanged(row, old)
    const before = relation.rowBefore(old, kind)
    this.operation.setRow('update', this.ordinal++, relation.table, before, kind === 'key', relation.rowAfter(row))
    this.receiver.operation(this.operation)
  }

  delete(relationId: number, oldKind: OldTupleKind, old: Tuple): void {
    if (this.skips()) return
    const relation = this.relationOf(relationId, old)
    const kind = relation.kindOf(oldKind)
    const before = relation.rowBefore(old, kind)
    this.operation.setRow('delete', this.ordinal++, relation.table, before, kind === 'key', null)
    this.receiver.operation(this.operation)
  }

  truncate(relationIds: readonly number[]): void {
    if (this.skips()) return
    const tables = relationIds.map(id => this.announced(this.known(id)).table)
    this.operation.setTruncate(this.ordinal++, tables)
    this.receiver.operation(this.operation)
  }

  message(
    transactional: boolean,
    at: Lsn,
    prefix: string,
    buffer: Buffer,
    start: number,
    end: number,
    sent: number
  ): void {
    const content = { prefix, bytes: buffer.subarray(start, end), properties: noProperties }
    if (!transactional) return this.loneMessage(at, sent, content)
    if (this.skips()) return
    this.operation.setMessage(this.ordinal++, content)
    this.receiver.operation(this.operation)
  }

  private loneMessage(at: Lsn, sent: number, content: MessageContent): void {
    if (this.finalLsn !== null) throw outOfOrder('a non-transactional message comes within a transaction')
    if (!this.handsOnMessages || at <= this.from) return
    this.checkOrder(lsn(at - 1n))
    this.passed = at
    const sourceId = `message:${at.toString(16)}`
    this.operation.transaction = { sourceId, commitTime: sent, position: lsnToBytes(at), kind: 'mirror' }
    this.receiver.begin(this.operation.transaction)
    this.operation.setMessage(0, content)
    this.receiver.operation(this.operation)
    this.receiver.commit(lsnToBytes(this.passed))
  }

  private addPartition(root: number, partition: number): void {
    const definition = this.definitions.get(root)
    if (definition === undefined) return
    const partitions = this.partitions.get(root) ?? new Set()
    this.partitions.set(root, partitions.add(partition))
    this.adopt(definition)
  }

  private adopt(definition: RelationMessage): void {
    const partitions = [...(this.partitions.get(definition.id) ?? [])].map(id => this.definitions.get(id)!)
    const { relation, keyOnly } = publishedIdentity(definition, partitions)
    const earlier = this.relations.get(relation.id)
    const table = this.catalogue.table(relation, (earlier?.table.version ?? 0) + 1, this.typeNames)
    if (earlier !== undefined && sameDefinition(earlier.table, table)) return
    this.relations.set(relation.id, new RelationState(table, relation, keyOnly))
    this.lastId = -1
  }

  /** Only what lies before `from` may come again: anything else that goes back would break an order already told. */
  private checkOrder(at: Lsn): void {
    if (at >= this.passed) return
    throw outOfOrder(`something at ${formatLsn(at)} comes after everything up to ${formatLsn(this.passed)}`)
  }

  private skips(): boolean {
    if (this.finalLsn === null) throw outOfOrder('a change comes outside a transaction')
    return this.dropping
  }

  private relationOf(id: number, tuple: Tuple): RelationState {
    if (id !== this.lastId) {
      this.last = this.announced(this.known(id))
      this.lastId = id
    }
    const relation = this.last!
    checkWidth(relation, tuple)
    return relation
  }

  private known(id: number): RelationState {
    const relation = this.relations.get(id)
    if (relation === undefined) throw outOfOrder(`a change of relation ${id} comes before its definition`)
    return relation
  }

  private announced(relation: RelationState): RelationState {
    if (relation.announced) return relation
    relation.announced = true
    this.receiver.schema(relation.table)
    return relation
  }
}

function checkWidth(relation: RelationState, tuple: Tuple): void {
  const columns = relation.table.columns.length
  if (tuple.count === columns) return
  throw outOfOrder(`a row of ${relation.table.qualifiedName} has ${tuple.count} columns, its definition ${columns}`)
}

function outOfOrder(what: string): TidemarkError {
  return new TidemarkError('PROTOCOL_INVALID', { message: `the replication stream is out of order: ${what}` })
}
