import type { Operation, TransactionContext } from '@tidemark/schemas/operation.ts'
import type { Table } from '@tidemark/schemas/table.ts'
import type { Scratch } from '../../scratch.ts'
import { writeDecimal } from '../journal.ts'

const connector = 'postgresql'
const positionBytes = 8
const dataOrder = Buffer.from(',"data_collection_order":')
const end = Buffer.from('}')
const nothing = Buffer.alloc(0)

export interface SourceNames {
  /** `source.name`: the topic prefix. */
  prefix: string
  database: string
  /** Of what writes the events. */
  version: string
}

/** Counts the events of a transaction. */
export class EventOrder {
  private transaction: TransactionContext | null = null
  private events = 0

  next(transaction: TransactionContext): number {
    if (transaction !== this.transaction) {
      this.transaction = transaction
      this.events = 0
    }
    return ++this.events
  }
}

/** Counts the events of all tables, and of each, whatever versions of its definition there are. */
export class EventOrders {
  readonly total = new EventOrder()
  private readonly tables = new Map<string, EventOrder>()

  ofTable(qualifiedName: string): EventOrder {
    const order = this.tables.get(qualifiedName) ?? new EventOrder()
    this.tables.set(qualifiedName, order)
    return order
  }
}

/**
 * The `source` and `transaction` blocks of a table's events. They are the same for all its events of a transaction but for
 * the two orders.
 */
export class EventBlocks {
  private readonly names: SourceNames
  private readonly table: Table
  private readonly totalOrder: EventOrder
  private readonly tableOrder: EventOrder
  private transaction: TransactionContext | null = null
  /** What is the same for all events of the table in a transaction: before, between and after the two places of the change. */
  private head: Buffer = nothing
  private middle: Buffer = nothing
  private tail: Buffer = nothing

  constructor(names: SourceNames, table: Table, orders: EventOrders) {
    this.names = names
    this.table = table
    this.totalOrder = orders.total
    this.tableOrder = orders.ofTable(table.qualifiedName)
  }

  /** Appends `"source":{..},"transaction":{..}` of the next event. */
  write(operation: Operation, into: Scratch): void {
    const { transaction } = operation
    if (transaction !== this.transaction) this.enter(transaction)
    into.append(this.head, 0, this.head.length)
    writeLsn(operation, into)
    into.append(this.middle, 0, this.middle.length)
    writeLsn(operation, into)
    into.append(this.tail, 0, this.tail.length)
    writeDecimal(this.totalOrder.next(transaction), into)
    into.append(dataOrder, 0, dataOrder.length)
    writeDecimal(this.tableOrder.next(transaction), into)
    into.append(end, 0, end.length)
  }

  private enter(transaction: TransactionContext): void {
    const { schema, name } = this.table
    const [head, middle, tail] = sharedTexts(this.names, schema, name, transaction)
    this.transaction = transaction
    this.head = Buffer.from(head)
    this.middle = Buffer.from(middle)
    this.tail = Buffer.from(tail)
  }
}

/** Source and transaction of a table's events, in three parts. */
function sharedTexts(
  names: SourceNames,
  schema: string,
  table: string,
  transaction: TransactionContext
): readonly [head: string, middle: string, tail: string] {
  const { commitTime, sourceId, kind } = transaction
  const position = lsnOf(transaction)
  const ms = Math.floor(commitTime / 1000)
  const snapshot = kind === 'refresh'
  const head = [
    `"version":${JSON.stringify(names.version)}`,
    `"connector":"${connector}"`,
    `"name":${JSON.stringify(names.prefix)}`,
    `"ts_ms":${ms}`,
    `"snapshot":"${snapshot}"`,
    `"db":${JSON.stringify(names.database)}`,
    `"sequence":"[\\"${position}\\",\\"`
  ]
  const middle = [
    `\\"]"`,
    `"ts_us":${commitTime}`,
    `"ts_ns":${commitTime}000`,
    `"schema":${JSON.stringify(schema)}`,
    `"table":${JSON.stringify(table)}`,
    `"txId":${snapshot ? 'null' : sourceId}`,
    '"lsn":'
  ]
  const id = JSON.stringify(`${sourceId}:${position}`)
  const tail = `,"xmin":null,"origin":null,"origin_lsn":null},"transaction":{"id":${id},"total_order":`
  return [`"source":{${head.join(',')}`, middle.join(','), tail]
}

/** Below it a double has every number. */
const exactHighMax = 0x1f_ffff

/** The change's place in the log in decimal digits; that of its transaction where it has none of its own. */
export function writeLsn({ lsnBytes, lsnStart, transaction }: Operation, into: Scratch): void {
  const ofCommit = transaction.position
  if (lsnBytes === null && ofCommit.length !== positionBytes) writeDecimal(0, into)
  else if (lsnBytes === null) writeDigits(Buffer.from(ofCommit), 0, into)
  else writeDigits(lsnBytes, lsnStart, into)
}

function writeDigits(bytes: Buffer, start: number, into: Scratch): void {
  const high = bytes.readUInt32BE(start)
  if (high <= exactHighMax) {
    writeDecimal(high * 0x1_0000_0000 + bytes.readUInt32BE(start + 4), into)
    return
  }
  const digits = Buffer.from(String(bytes.readBigUInt64BE(start)))
  into.append(digits, 0, digits.length)
}

/** The commit's place in the log as Debezium counts: one decimal number. */
export function lsnOf({ position }: TransactionContext): bigint {
  if (position.length !== positionBytes) return 0n
  return Buffer.from(position).readBigUInt64BE()
}
