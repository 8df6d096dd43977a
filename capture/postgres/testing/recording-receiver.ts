import { formatLsn, lsnFromBytes, type PositionBytes } from '@tidemark/schemas/position.ts'
import type { Operation, TransactionContext } from '@tidemark/schemas/operation.ts'
import type { Row } from '@tidemark/schemas/row.ts'
import type { Table } from '@tidemark/schemas/table.ts'
import type { TransactionReceiver } from '../../source.ts'

/** Writes down as lines of text what a source hands over: what tests compare. */
export class RecordingReceiver implements TransactionReceiver {
  readonly log: string[] = []
  readonly tables: Table[] = []
  readonly positions: PositionBytes[] = []
  /** Of the last `idle`. */
  idled: PositionBytes | null = null
  private readonly watchers: (() => void)[] = []

  begin({ sourceId, position, commitTime, kind }: TransactionContext): void {
    this.add(`begin ${sourceId} at ${formatLsn(lsnFromBytes(position))} time ${commitTime} ${kind}`)
  }

  schema(table: Table): void {
    this.tables.push(table)
    const columns = table.columns.map(column => `${column.name} ${column.type.name}${column.key ? ' key' : ''}`)
    this.add(`schema ${table.qualifiedName} v${table.version} (${columns.join(', ')})`)
  }

  operation(operation: Operation): void {
    this.add(`${operation.ordinal} ${describe(operation)}`)
  }

  commit(position: PositionBytes): void {
    this.positions.push(position)
    this.add(`commit ${formatLsn(lsnFromBytes(position))}`)
  }

  idle(position: PositionBytes): void {
    this.idled = position
    this.add(`idle ${formatLsn(lsnFromBytes(position))}`)
  }

  /** Resolves as soon as the condition holds; it is asked after every call. */
  until(condition: (receiver: this) => boolean): Promise<void> {
    return new Promise(resolve => {
      const look = (): void => {
        if (!condition(this)) return
        this.watchers.splice(this.watchers.indexOf(look), 1)
        resolve()
      }
      this.watchers.push(look)
      look()
    })
  }

  private add(line: string): void {
    this.log.push(line)
    for (const look of this.watchers.slice()) look()
  }
}

function describe(operation: Operation): string {
  if (operation.kind === 'truncate') return `truncate ${operation.truncated.map(t => t.qualifiedName).join(', ')}`
  if (operation.kind === 'message') {
    return `message ${operation.message!.prefix} ${Buffer.from(operation.message!.bytes).toString()}`
  }
  const parts = [operation.kind, operation.table!.qualifiedName]
  if (operation.before) parts.push(operation.beforeIsKeyOnly ? 'key' : 'before', rowText(operation.before))
  if (operation.after) parts.push('after', rowText(operation.after))
  return parts.join(' ')
}

function rowText(row: Row): string {
  return row.columns.map(({ name }) => (row.isUnchanged(name) ? 'unchanged' : (row.text(name) ?? 'null'))).join('|')
}
