import type { Operation } from '@tidemark/schemas/operation.ts'
import { truncateAnnotation } from './output.ts'
import type { AnnotatedSink } from './record-sink.ts'

const bytesMax = 4_096
/** Room for the entry that says how many more there were. */
const moreBytes = 32

/**
 * What a transaction truncated. A truncate makes no records: there is no telling which keys it removed. The transaction
 * carries the annotation `truncate` instead, JSON: `[{"operation":3,"tables":["public.a","public.b"]}]`, in order of the
 * operations; beyond 4 kB the last entry is `{"more":n}`, n truncates not listed.
 */
export class TruncateAnnotation {
  private readonly entries: string[] = []
  private bytes = 0
  private more = 0

  /** `tables`: qualified names of those that are captured. */
  add(operation: Operation, tables: readonly string[]): void {
    const entry = JSON.stringify({ operation: operation.ordinal, tables })
    const size = Buffer.byteLength(entry) + 1
    if (this.more > 0 || this.bytes + size > bytesMax - moreBytes) {
      this.more++
      return
    }
    this.entries.push(entry)
    this.bytes += size
  }

  /** Annotates the open transaction when there is anything to tell, and forgets it. */
  write(sink: AnnotatedSink): void {
    if (this.entries.length === 0 && this.more === 0) return
    if (this.more > 0) this.entries.push(JSON.stringify({ more: this.more }))
    sink.annotate(truncateAnnotation, Buffer.from(`[${this.entries.join(',')}]`))
    this.clear()
  }

  clear(): void {
    this.entries.length = 0
    this.bytes = 0
    this.more = 0
  }
}
