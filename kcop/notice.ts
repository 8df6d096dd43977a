/** Something an operator should see although nothing stops. `count`: how often it has happened in this producer. */
export interface Notice {
  level: 'warn' | 'error'
  /** Names table and cure, never row values. */
  message: string
  count: number
}

export type Notify = (notice: Notice) => void

/** Tells of a repeated event at its 1st, 2nd, 4th, 8th.. time, so that a million of them do not fill the log. */
export class RepeatedNotice {
  private count = 0
  private readonly notify: Notify
  private readonly level: Notice['level']
  private readonly message: string

  constructor(notify: Notify, level: Notice['level'], message: string) {
    this.notify = notify
    this.level = level
    this.message = message
  }

  happened(): void {
    this.count++
    if ((this.count & (this.count - 1)) === 0) {
      this.notify({ level: this.level, message: this.message, count: this.count })
    }
  }
}
