import type { Tuple } from '@tidemark/schemas/tuple.ts'
import type { HeaderBlock } from '../record-sink.ts'
import type { Scratch } from '../scratch.ts'

/** Protects the values of one column: appends text that stands for the value given. Null is told as null. */
export interface ColumnProtector {
  /** The source's image that the values which follow are of, for a protector that looks at other columns. */
  see?(image: Tuple): void
  write(source: Buffer, start: number, end: number, into: Scratch): void
}

/** The protection of one output, compiled for one version of its table. */
export interface OutputProtection {
  /** By column of the output; null: sent as it is. */
  readonly protectors: readonly (ColumnProtector | null)[]
  /** What a reader with keys needs to know of the records since the last `turn`; null: nothing. */
  readonly headers: HeaderBlock | null
  /** Before each operation: keys may change here, and only here. */
  turn(): void
}
