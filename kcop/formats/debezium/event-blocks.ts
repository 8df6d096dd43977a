import type { Operation, TransactionContext } from '@tidemark/schemas/operation.ts'
import type { Scratch } from '../../scratch.ts'
import { writeDecimal } from '../journal.ts'

const connector = 'postgresql'
const positionBytes = 8
const noData = Buffer.from(',"data_collection_order":')
const end = Buffer.from('}')

export interface SourceNames {
  /** `source.name`: the topic prefix. */
  prefix: string
  database: string
  /** Of what writes the events. */
  version: string
}

/**
 * The `source` and `transaction` blocks. They are the same for all events of a table in a transaction but for the two
 * orders; one object serves all tables, since `total_order` counts the events of all of them.
 */
export class EventBlocks {
  private readonly names: SourceNames
  private transaction: TransactionContext | null = null
  private total = 0
  private readonly perTable = new Map<string, TableBlocks>()

  constructor(names: SourceNames) {
    this.names = names
  }

  /** Appends `"source":{..},"transaction":{..}` of the next event of a table. */
  write(operation: Operation, schema: string, table: string, into: Scratch): void {
    if (operation.transaction !== this.transaction) {
      this.transaction = operation.transaction
      this.total = 0
      this.perTable.clear()
    }
    const blocks = this.blocksOf(schema, table, operation.transaction)
    into.append(blocks.shared, 0, blocks.shared.length)
    writeDecimal(++this.total, into)
    into.append(noData, 0, noData.length)
    writeDecimal(++blocks.events, into)
    into.append(end, 0, end.length)
  }

  private blocksOf(schema: string, table: string, transaction: TransactionContext): TableBlocks {
    const name = `${schema}.${table}`
    let blocks = this.perTable.get(name)
    if (blocks === undefined) {
      blocks = { events: 0, shared: Buffer.from(sharedText(this.names, schema, table, transaction)) }
      this.perTable.set(name, blocks)
    }
    return blocks
  }
}

interface TableBlocks {
  events: number
  /** From `"source":` to `"total_order":`. */
  readonly shared: Buffer
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
function lsnOf({ position }: TransactionContext): bigint {
  if (position.length !== positionBytes) return 0n
  return Buffer.from(position).readBigUInt64BE()
}
