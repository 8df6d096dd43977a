import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { columnsNamedIn } from '../filter/filter-syntax.ts'
import type { OutputRule } from '../rules.ts'
import { placeOf } from './rule-place.ts'

/**
 * What is looked up in a captured table changes without the row: a key, place or filter made of it could not tell where the
 * row was before, and its old record would stay for ever. Throws CONFIG_INVALID. `places`: columns that choose topic or
 * partition.
 */
export function requireLasting(changing: ReadonlySet<string>, rule: OutputRule, places: readonly string[]): void {
  if (changing.size === 0) return
  refuse(changing, rule.key ?? [], 'be part of the key', rule, 'key')
  refuse(changing, places, 'choose topic or partition', rule, 'topic')
  refuse(changing, rule.filter === null ? [] : columnsNamedIn(rule.filter), 'be filtered by', rule, 'filter')
}

function refuse(
  changing: ReadonlySet<string>,
  names: readonly string[],
  what: string,
  rule: OutputRule,
  part: string
): void {
  const name = names.find(candidate => changing.has(candidate))
  if (name === undefined) return
  throw new TidemarkError('CONFIG_INVALID', {
    message: `column ${name} is looked up in a captured table, so it cannot ${what}: it changes without the row`,
    cure: 'use a column of the row itself',
    ...placeOf(rule, part)
  })
}
