/** Length of a column that is null. */
export const NULL_LENGTH = -1
/** Length of a column the server left out because its stored (TOAST) value did not change. */
export const UNCHANGED_LENGTH = -2

/**
 * The columns of one row image as places in the bytes they came in, in text form. Made once and filled again for each
 * row: whoever needs a value beyond the call copies it.
 */
export class Tuple {
  bytes: Buffer = Buffer.alloc(0)
  count = 0
  starts: Int32Array
  /** Bytes of the value, or NULL_LENGTH, or UNCHANGED_LENGTH. */
  lengths: Int32Array

  constructor(columns = 64) {
    this.starts = new Int32Array(columns)
    this.lengths = new Int32Array(columns)
  }

  /** Makes room for `columns`; what was in the tuple is lost. */
  reserve(columns: number): void {
    if (columns <= this.starts.length) return
    const room = Math.max(columns, this.starts.length * 2)
    this.starts = new Int32Array(room)
    this.lengths = new Int32Array(room)
  }
}
