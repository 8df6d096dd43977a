import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { placeOf } from '../routing/rule-place.ts'
import type { DerivedColumn, OutputRule } from '../rules.ts'

/** Sees to it that no derived column tells what a protected one hides. */
export class TellingGuard {
  private readonly rule: Pick<OutputRule, 'columns' | 'key'>
  /** Protected columns, and those made of them that are not sent. */
  private readonly hidden: Set<string>
  private readonly guarded: ReadonlySet<string>

  constructor(rule: Pick<OutputRule, 'columns' | 'key'>) {
    this.rule = rule
    const { dropped, protected: given } = rule.columns
    this.guarded = new Set([...dropped, ...given.map(({ column }) => column)])
    this.hidden = new Set(this.guarded)
  }

  /**
   * A derived column and the names of those it is made of; `elsewhere`: a protected column of another table that it tells. What is made of a protected column is protected itself,
   * declared plain, or not sent. (One that is plain has told already: others may be made of it.) Throws CONFIG_INVALID.
   */
  see(column: DerivedColumn, uses: readonly string[], elsewhere?: string): void {
    const telling = uses.filter(name => this.hidden.has(name))
    if (elsewhere !== undefined) telling.push(elsewhere)
    if (telling.length === 0 || column.plain || this.guarded.has(column.name)) return
    if (!this.isSent(column.name)) {
      this.hidden.add(column.name)
      return
    }
    throw new TidemarkError('CONFIG_INVALID', {
      message: `derived column ${column.name} would tell of ${telling.join(', ')}, which is protected`,
      cure: `protect it too: {${column.name}: {.., mask: {keepLast: 2}}}; or add \`plain: true\` if all may read it`,
      ...placeOf(column)
    })
  }

  private isSent(name: string): boolean {
    const { columns, key } = this.rule
    return columns.only === null || columns.only.includes(name) || (key?.includes(name) ?? false)
  }
}
