import type { Operation, TransactionContext } from '@tidemark/schemas/operation.ts'
import type { Table } from '@tidemark/schemas/table.ts'
import type { Scratch } from '../../scratch.ts'
import { writeDecimal } from '../journal.ts'

const connector = 'postgresql'
const positionBytes = 8
const dataOrder = Buffer.from(',"data_collection_order":')
const end = Buffer.from('}')

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
  /** From `"source":` to `"total_order":`. */
  private shared: Buffer = Buffer.alloc(0)

  constructor(names: SourceNames, table: Table, orders: EventOrders) {
    this.names = names
    this.table = table
    this.totalOrder = orders.total
    this.tableOrder = orders.ofTable(table.qualifiedName)
  }

  /** Appends `"source":{..},"transaction":{..}` of the next event. */
  write({ transaction }: Operation, into: Scratch): void {
    if (transaction !== this.transaction) {
      this.transaction = transaction
      this.shared = Buffer.from(sharedText(this.names, this.table.schema, this.table.name, transaction))
    }
    into.append(this.shared, 0, this.shared.length)
    writeDecimal(this.totalOrder.next(transaction), into)
    into.append(dataOrder, 0, dataOrder.length)
    writeDecimal(this.tableOrder.next(transaction), into)
    into.append(end, 0, end.length)
  }
}

function sharedText(names: SourceNames, schema: string, table: string, transaction: TransactionContext): string {
  const { commitTime, sourceId, kind } = transaction
  const position = lsnOf(transaction)
  const ms = Math.floor(commitTime / 1000)
  const snapshot = kind === 'refresh'
  const source = [
    `"version":${JSON.stringify(names.version)}`,
    `"connector":"${connector}"`,
    `"name":${JSON.stringify(names.prefix)}`,
    `"ts_ms":${ms}`,
    `"snapshot":"${snapshot}"`,
    `"db":${JSON.stringify(names.database)}`,
    `"sequence":"[\\"${position}\\",\\"${position}\\"]"`,
    `"ts_us":${commitTime}`,
    `"ts_ns":${commitTime}000`,
    `"schema":${JSON.stringify(schema)}`,
    `"table":${JSON.stringify(table)}`,
    `"txId":${snapshot ? 'null' : sourceId}`,
    `"lsn":${position}`,
    '"xmin":null,"origin":null,"origin_lsn":null'
  ]
  const id = JSON.stringify(`${sourceId}:${position}`)
  return `"source":{${source.join(',')}},"transaction":{"id":${id},"total_order":`
}

/** The commit's place in the log as Debezium counts: one decimal number. */
export function lsnOf({ position }: TransactionContext): bigint {
  if (position.length !== positionBytes) return 0n
  return Buffer.from(position).readBigUInt64BE()
}
