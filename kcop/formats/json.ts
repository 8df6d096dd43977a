import type { Operation } from '@tidemark/schemas/operation.ts'
import type { Table } from '@tidemark/schemas/table.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { NULL_LENGTH, type Tuple } from '@tidemark/schemas/tuple.ts'
import type { Format, TableFormat, Telling } from '../format.ts'
import { fixedHeaders } from '../header-block.ts'
import type { HeaderBlock } from '../record-sink.ts'
import type { Scratch } from '../scratch.ts'
import { JsonImage } from './json-image.ts'
import { removalHeaders, unchangedColumns, unknownColumns } from './unsent-columns.ts'

/** The after image as one JSON object, columns in table order; the key as a JSON object of the key columns. */
export const jsonFormat: Format = {
  name: 'json',
  isTopicFree: true,
  compile: (table, key) => new JsonTableFormat(table, key)
}

class JsonTableFormat implements TableFormat {
  private readonly table: Table
  private readonly image: JsonImage
  private readonly keyImage: JsonImage
  private readonly unchanged
  private readonly unknown
  private readonly removal = fixedHeaders(removalHeaders)

  constructor(table: Table, key: readonly number[]) {
    this.table = table
    this.image = new JsonImage(table, [...table.columns.keys()])
    this.keyImage = new JsonImage(table, key)
    this.unchanged = unchangedColumns(table)
    this.unknown = unknownColumns(table, removalHeaders)
  }

  key(image: Tuple, old: Tuple | null, into: Scratch): void {
    if (this.keyImage.writeKey(image, old, into) > 0) throw keyNotSent(this.table)
  }

  value(operation: Operation, telling: Telling, into: Scratch): HeaderBlock | null {
    return telling === 'row' ? this.row(operation, into) : this.removed(operation, into)
  }

  private row(operation: Operation, into: Scratch): HeaderBlock | null {
    const image = operation.newTuple!
    const left = this.image.write(image, into)
    return left === 0 ? null : this.unchanged.of(image)
  }

  private removed(operation: Operation, into: Scratch): HeaderBlock {
    const image = operation.oldTuple!
    if (!operation.beforeIsKeyOnly) {
      this.image.write(image, into)
      return this.removal
    }
    this.image.write(image, into, NULL_LENGTH)
    return this.unknown.of(image)
  }
}

export function keyNotSent(table: Table): TidemarkError {
  return new TidemarkError('ROW_UNSUITABLE', {
    message: `a key column of ${table.qualifiedName} did not change and the server left it out`,
    cure: `ALTER TABLE ${table.qualifiedName} REPLICA IDENTITY FULL`
  })
}
