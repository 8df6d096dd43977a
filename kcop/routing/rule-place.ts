import { isTidemarkError, TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { RulePlaces } from '../rules.ts'

/** A rule as far as messages say where it stands. */
export interface PlacedRule {
  readonly place: string | null
  readonly places?: RulePlaces
}

/** Where a rule stands, or a part of it, as a detail of an error. */
export function placeOf(rule: PlacedRule, part = ''): { place: string } | Record<string, never> {
  const place = rule.places?.[part] ?? rule.place
  return place === null ? {} : { place }
}

/** What `act` returns; an error of it that has no place of its own is at the part of the rule. */
export function atPart<T>(rule: PlacedRule, part: string, act: () => T): T {
  try {
    return act()
  } catch (error) {
    throw placedAt(error, rule, part)
  }
}

/** The error with the place of the part, unless it has one. */
export function placedAt(error: unknown, rule: PlacedRule, part: string): unknown {
  if (!isTidemarkError(error) || error.place !== undefined) return error
  const { code, message, cure, cause } = error
  return new TidemarkError(code, { message, cure, cause, ...placeOf(rule, part) })
}
