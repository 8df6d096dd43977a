import type { Operation } from '@tidemark/schemas/operation.ts'
import type { Table } from '@tidemark/schemas/table.ts'
import { NULL_LENGTH, UNCHANGED_LENGTH } from '@tidemark/schemas/tuple.ts'
import { fixedHeaders } from '../header-block.ts'
import type { HeaderBlock } from '../record-sink.ts'
import type { Scratch } from '../scratch.ts'
import { oldKeyNotSent } from '../table-key.ts'
import { keyNotSent } from './json.ts'
import { JsonImage } from './json-image.ts'
import { unchangedColumns, unknownColumns, unknownHeader } from './unsent-columns.ts'

/**
 * Images and keys of audit records. An image before is what the server sent of it: without REPLICA IDENTITY FULL the key
 * columns, and a header names the others, so that a reader does not take them for null.
 */
export class AuditImages {
  private readonly table: Table
  private readonly keyless: boolean
  private readonly image: JsonImage
  private readonly key: JsonImage
  private readonly unchanged
  private readonly unknown
  private readonly unknownButKey: HeaderBlock

  constructor(table: Table, key: readonly number[]) {
    this.table = table
    this.keyless = key.length === 0
    this.image = new JsonImage(table, [...table.columns.keys()])
    this.key = new JsonImage(table, key)
    this.unchanged = unchangedColumns(table)
    this.unknown = unknownColumns(table, {})
    const others = table.columns.filter((_, index) => !key.includes(index)).map(column => column.name)
    this.unknownButKey = fixedHeaders(others.length === 0 ? {} : { [unknownHeader]: JSON.stringify(others) })
  }

  /** Appends the members of the image after; returns the headers that name what is missing. */
  writeAfter(operation: Operation, into: Scratch): HeaderBlock | null {
    const image = operation.newTuple!
    const left = this.image.writeMembers(image, into)
    return left === 0 ? null : this.unchanged.of(image)
  }

  /** Appends the members of the image before as far as known; returns the headers that name what is missing. */
  writeBefore(operation: Operation, into: Scratch): HeaderBlock | null {
    const { oldTuple } = operation
    if (oldTuple !== null) {
      const left = this.image.writeMembers(oldTuple, into, absentOf(operation))
      return left === 0 ? null : this.unknown.of(oldTuple)
    }
    if (operation.newTuple === null) throw oldKeyNotSent(this.table)
    // The server sends no old row when no identity column changed: the key before is the key after.
    if (this.key.writeMembers(operation.newTuple, into) > 0) throw keyNotSent(this.table)
    return this.unknownButKey
  }

  /** Appends the record key of the image after; returns whether there is one. */
  keyAfter(operation: Operation, into: Scratch): boolean {
    into.length = 0
    if (this.keyless) return false
    if (this.key.writeKey(operation.newTuple!, operation.oldTuple, into) > 0) throw keyNotSent(this.table)
    return true
  }

  /** The same of the image before: key columns the server did not send of it are those after. */
  keyBefore(operation: Operation, into: Scratch): boolean {
    into.length = 0
    if (this.keyless) return false
    const { oldTuple, newTuple } = operation
    if (oldTuple !== null && this.key.write(oldTuple, into, absentOf(operation)) === 0) return true
    if (newTuple === null) throw oldKeyNotSent(this.table)
    return this.keyAfter(operation, into)
  }
}

/** In an image of key columns only the server sends the others as null. */
function absentOf(operation: Operation): number {
  return operation.beforeIsKeyOnly ? NULL_LENGTH : UNCHANGED_LENGTH
}
