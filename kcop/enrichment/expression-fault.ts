import { isTidemarkError, TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { placeIn } from '../filter/filter-syntax.ts'

const grammarCure =
  'write columns, literals, + - * / %, ||, CASE, casts to text, int8, numeric(p, s), conditions, and the functions of docs/enrichment.md'

/** What is wrong at `offset` of an expression: EXPRESSION_INVALID. */
export function expressionFault(text: string, offset: number, fault: string, cure = grammarCure): TidemarkError {
  const message = `the expression \`${text}\` ${fault} (${placeIn(text, offset)})`
  return new TidemarkError('EXPRESSION_INVALID', { message, cure })
}

/** A fault of a condition within an expression, in the expression's words. */
export function ofExpression(error: unknown): unknown {
  if (!isTidemarkError(error) || error.code !== 'FILTER_INVALID') return error
  const message = error.message.replace('the condition', 'the expression')
  return new TidemarkError('EXPRESSION_INVALID', { message, cure: error.cure })
}

/** What cannot be computed of a row: ROW_UNSUITABLE. It names no value. */
export function uncomputable(text: string, fault: string, cure?: string): TidemarkError {
  const message = `the expression \`${text}\` ${fault}`
  return new TidemarkError('ROW_UNSUITABLE', cure === undefined ? { message } : { message, cure })
}
