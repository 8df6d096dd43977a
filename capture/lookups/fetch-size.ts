const rowsFirst = 16
const rowsMax = 5_000
const bytesWanted = 4_194_304

/** How many rows to fetch at once: so many as take about 4 MiB, told from those before; rows may be of any width. */
export class FetchSize {
  rows = rowsFirst

  /** `bytes`: of the rows fetched last. */
  saw(rows: number, bytes: number): void {
    const fitting = Math.floor((bytesWanted * rows) / Math.max(1, bytes))
    this.rows = Math.max(1, Math.min(rowsMax, 2 * this.rows, fitting))
  }
}
