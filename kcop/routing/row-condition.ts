import type { Operation } from '@tidemark/schemas/operation.ts'
import type { Table } from '@tidemark/schemas/table.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { Tuple } from '@tidemark/schemas/tuple.ts'
import { AlteredOperation } from './altered-operation.ts'

/** Whether a row image meets a condition; unknown (null) is no. */
export type ImageTest = (image: Tuple) => boolean

/**
 * Row filter of an output. A row that an update brings into the filter is an insert, one it takes out a delete, one that
 * stays outside nothing: readers see exactly the rows inside.
 */
export class RowCondition {
  private readonly test: ImageTest
  private readonly table: Table
  private readonly crossing = new AlteredOperation()

  /** Throws ROW_UNSUITABLE when the old values of rows would not be sent. */
  constructor(test: ImageTest, table: Table) {
    if (table.replicaIdentity !== 'full') throw beforeNotSent(table)
    this.test = test
    this.table = table
  }

  /** The operation as seen from inside the filter; null when it is outside. Valid until the next call. */
  of(operation: Operation): Operation | null {
    switch (operation.kind) {
      case 'insert':
        return this.test(operation.newTuple!) ? operation : null
      case 'update':
        return this.update(operation)
      case 'delete':
        return this.test(this.oldRow(operation)) ? operation : null
      case 'truncate':
      case 'message':
        return operation
    }
  }

  private update(operation: Operation): Operation | null {
    const was = this.test(this.oldRow(operation))
    const is = this.test(operation.newTuple!)
    if (was && is) return operation
    if (is) return this.crossing.asInsert(operation)
    return was ? this.crossing.asDelete(operation) : null
  }

  private oldRow(operation: Operation): Tuple {
    if (operation.oldTuple === null || operation.beforeIsKeyOnly) throw beforeNotSent(this.table)
    return operation.oldTuple
  }
}

function beforeNotSent(table: Table): TidemarkError {
  return new TidemarkError('ROW_UNSUITABLE', {
    message: `the filter on ${table.qualifiedName} needs the whole row before a change, which the server does not send`,
    cure: `ALTER TABLE ${table.qualifiedName} REPLICA IDENTITY FULL;`
  })
}
