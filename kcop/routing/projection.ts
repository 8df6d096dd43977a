import type { Operation } from '@tidemark/schemas/operation.ts'
import { Tuple } from '@tidemark/schemas/tuple.ts'
import type { ColumnProtector, OutputProtection } from '../protection/column-protector.ts'
import { Scratch } from '../scratch.ts'
import { AlteredOperation } from './altered-operation.ts'
import type { ColumnPlan } from './column-plan.ts'

/**
 * Makes of each operation the one formats see: chosen columns only, protected ones in their protected form, in every
 * image alike. What it gives is valid until its next call.
 */
export class Projection {
  private readonly plan: ColumnPlan
  private readonly sources: Int32Array
  private readonly protection: OutputProtection | null
  private readonly operation = new AlteredOperation()
  private readonly before: ImageWriter
  private readonly after: ImageWriter

  constructor(plan: ColumnPlan, protection: OutputProtection | null) {
    this.plan = plan
    this.protection = protection
    this.sources = Int32Array.from(plan.columns, column => column.source)
    const protectors = protection?.protectors ?? null
    this.before = new ImageWriter(this.sources, protectors)
    this.after = new ImageWriter(this.sources, protectors)
  }

  of(source: Operation): Operation {
    const { operation } = this
    this.protection?.turn()
    operation.copy(source, source.beforeIsKeyOnly ? this.sentOf(source) : null)
    operation.table = this.plan.table
    if (source.oldTuple !== null) operation.oldTuple = this.before.write(source.oldTuple)
    if (source.newTuple !== null) operation.newTuple = this.after.write(source.newTuple)
    return operation
  }

  private sentOf(source: Operation): readonly number[] | null {
    const only = source.before?.only ?? null
    if (only === null) return null
    return [...this.sources.keys()].filter(index => only.includes(this.sources[index]!))
  }
}

/** Writes images of one kind anew for each operation. */
class ImageWriter {
  private readonly sources: Int32Array
  private readonly protectors: readonly (ColumnProtector | null)[] | null
  private readonly tuple: Tuple
  private readonly scratch = new Scratch()

  constructor(sources: Int32Array, protectors: readonly (ColumnProtector | null)[] | null) {
    this.sources = sources
    this.protectors = protectors
    this.tuple = new Tuple(sources.length)
    this.tuple.count = sources.length
  }

  write(image: Tuple): Tuple {
    return this.protectors === null ? this.point(image) : this.protect(image, this.protectors)
  }

  /** Columns are places in the same bytes. */
  private point(image: Tuple): Tuple {
    const { sources, tuple } = this
    tuple.bytes = image.bytes
    for (let index = 0; index < sources.length; index++) {
      tuple.starts[index] = image.starts[sources[index]!]!
      tuple.lengths[index] = image.lengths[sources[index]!]!
    }
    return tuple
  }

  private protect(image: Tuple, protectors: readonly (ColumnProtector | null)[]): Tuple {
    const { sources, tuple, scratch } = this
    scratch.trim()
    for (let index = 0; index < sources.length; index++) {
      const source = sources[index]!
      const length = image.lengths[source]!
      tuple.starts[index] = scratch.length
      tuple.lengths[index] = length
      if (length < 0) continue
      const start = image.starts[source]!
      const protector = protectors[index]!
      if (protector === null) scratch.append(image.bytes, start, start + length)
      else {
        protector.see?.(image)
        protector.write(image.bytes, start, start + length, scratch)
      }
      tuple.lengths[index] = scratch.length - tuple.starts[index]!
    }
    tuple.bytes = scratch.bytes
    return tuple
  }
}
