import type { Operation } from '@tidemark/schemas/operation.ts'
import type { Table } from '@tidemark/schemas/table.ts'
import type { Tuple } from '@tidemark/schemas/tuple.ts'
import type { Format, TableFormat, Telling } from '../../format.ts'
import { HeaderWriter } from '../../header-block.ts'
import type { HeaderBlock } from '../../record-sink.ts'
import { Scratch } from '../../scratch.ts'
import { keyDiffers } from '../../table-key.ts'
import { keyNotSent } from '../json.ts'
import { unchangedColumns, unknownColumns, type UnsentColumns } from '../unsent-columns.ts'
import { DebeziumImage } from './debezium-image.ts'
import type { DecimalHandling } from './debezium-type.ts'
import { EventBlocks, EventOrders, type SourceNames } from './event-blocks.ts'
import { EventStamp, type Op } from './event-stamp.ts'

export interface DebeziumOptions extends SourceNames {
  decimals: DecimalHandling
  /** Milliseconds since the Unix epoch: when the event is made. */
  now(): number
}

const beforeName = Buffer.from('{"before":')
const afterName = Buffer.from(',"after":')
const nullBytes = Buffer.from('null')
const COMMA = 0x2c
const newKeyHeader = Buffer.from('__debezium.newkey')
const oldKeyHeader = Buffer.from('__debezium.oldkey')

/**
 * Debezium's envelope for PostgreSQL as JSON without schemas, with its default type mapping, so that its consumers and
 * sinks read it as they read Debezium's own. docs/debezium.md lists the differences, measured against a real one.
 */
export function debeziumFormat(options: DebeziumOptions): Format {
  const orders = new EventOrders()
  const stamp = new EventStamp(options.now)
  return {
    name: 'debezium',
    compile: (table, key) =>
      new DebeziumTableFormat(table, key, options, new EventBlocks(options, table, orders), stamp)
  }
}

class DebeziumTableFormat implements TableFormat {
  private readonly table: Table
  private readonly keyIndexes: readonly number[]
  private readonly blocks: EventBlocks
  private readonly stamp: EventStamp
  private readonly image: DebeziumImage
  private readonly keyImage: DebeziumImage
  private readonly unchanged: UnsentColumns
  private readonly unknown: UnsentColumns
  private readonly headers = new HeaderWriter()
  private readonly otherKey = new Scratch()

  constructor(table: Table, key: readonly number[], options: DebeziumOptions, blocks: EventBlocks, stamp: EventStamp) {
    this.table = table
    this.keyIndexes = key
    this.blocks = blocks
    this.stamp = stamp
    this.image = new DebeziumImage(table, [...table.columns.keys()], options.decimals)
    this.keyImage = new DebeziumImage(table, key, options.decimals)
    this.unchanged = unchangedColumns(table)
    this.unknown = unknownColumns(table, {})
  }

  key(image: Tuple, old: Tuple | null, into: Scratch): void {
    if (this.keyImage.writeKey(image, old, into) > 0) throw keyNotSent(this.table)
  }

  value(operation: Operation, telling: Telling, into: Scratch): HeaderBlock | null {
    return telling === 'row' ? this.row(operation, into) : this.removed(operation, into)
  }

  tombstone(operation: Operation): HeaderBlock | null {
    if (operation.kind !== 'update') return null
    this.headers.clear()
    this.addKey(newKeyHeader, operation.newTuple!, operation.oldTuple)
    return this.headers
  }

  /** A row under a new key is a creation, as if it had been inserted. */
  private row(operation: Operation, into: Scratch): HeaderBlock | null {
    const { newTuple, oldTuple, beforeIsKeyOnly } = operation
    const moved = oldTuple !== null && keyDiffers(this.keyIndexes, oldTuple, newTuple!)
    const op = opOf(operation, moved)
    into.append(beforeName, 0, beforeName.length)
    if (op === 'u' && oldTuple !== null && !beforeIsKeyOnly) this.image.write(oldTuple, into)
    else into.append(nullBytes, 0, nullBytes.length)
    into.append(afterName, 0, afterName.length)
    const unchanged = this.image.write(newTuple!, into)
    this.finish(op, operation, into)
    if (unchanged === 0 && !moved) return null
    this.headers.clear()
    if (moved) this.addKey(oldKeyHeader, oldTuple, null)
    if (unchanged > 0) this.headers.addAll(this.unchanged.of(newTuple!))
    return this.headers
  }

  private removed(operation: Operation, into: Scratch): HeaderBlock | null {
    const { oldTuple, newTuple, beforeIsKeyOnly } = operation
    into.append(beforeName, 0, beforeName.length)
    this.image.write(oldTuple!, into)
    into.append(afterName, 0, afterName.length)
    into.append(nullBytes, 0, nullBytes.length)
    this.finish('d', operation, into)
    if (newTuple === null && !beforeIsKeyOnly) return null
    this.headers.clear()
    if (newTuple !== null) this.addKey(newKeyHeader, newTuple, oldTuple)
    if (beforeIsKeyOnly) this.headers.addAll(this.unknown.of(oldTuple!))
    return this.headers
  }

  /** The other key of a change of the key; nothing when a column of it is not known. */
  private addKey(name: Buffer, image: Tuple, old: Tuple | null): void {
    const { otherKey } = this
    otherKey.length = 0
    if (this.keyImage.writeKey(image, old, otherKey) > 0) return
    this.headers.add(name, otherKey.bytes, 0, otherKey.length)
  }

  private finish(op: Op, operation: Operation, into: Scratch): void {
    into.room(1)[into.length++] = COMMA
    this.blocks.write(operation, into)
    this.stamp.write(op, into)
  }
}

export function opOf(operation: Operation, moved: boolean): Op {
  if (operation.kind === 'update' && !moved) return 'u'
  return operation.transaction.kind === 'refresh' ? 'r' : 'c'
}
