import { parse, type Expr } from 'pgsql-ast-parser'
import { isTidemarkError, TidemarkError } from '@tidemark/schemas/tidemark-error.ts'

export type { Expr } from 'pgsql-ast-parser'

const textMax = 10_000
const depthMax = 100

/** A condition as written, for messages. */
export interface FilterText {
  readonly text: string
  readonly root: Expr
}

/** Parses a condition in PostgreSQL's syntax. Throws FILTER_INVALID with line and column within the text. */
export function parseFilter(text: string): FilterText {
  return parseSql(text, filterFault)
}

/** An error for what is at `offset` of `text`. */
export type SyntaxFault = (text: string, offset: number, fault: string) => TidemarkError

/** Parses one expression in PostgreSQL's syntax. Throws what `faultOf` makes. */
export function parseSql(text: string, faultOf: SyntaxFault): FilterText {
  if (text.length > textMax) throw faultOf(text, 0, `is longer than ${textMax} characters`)
  const root = parsed(text, faultOf)
  if (depthOf(root) > depthMax) throw faultOf(text, 0, `is nested deeper than ${depthMax}`)
  return { text, root }
}

function parsed(text: string, faultOf: SyntaxFault): Expr {
  let found: unknown
  try {
    found = parse(text, { entry: 'expr', locationTracking: true })
  } catch (error) {
    const { message, token } = error as { message: string; token?: { value?: string } }
    const at = offsetAt(text, /at line (\d+) col (\d+)/.exec(message))
    const word = token?.value === undefined ? 'its end' : `\`${token.value}\``
    throw faultOf(text, at, `is not understood at ${word}`)
  }
  const [only, ...more] = Array.isArray(found) ? (found as Expr[]) : [found as Expr]
  if (only === undefined || more.length > 0) throw faultOf(text, 0, 'must be one expression')
  return only
}

/** The offset of the line and column that the parser states; the end when it states none. */
function offsetAt(text: string, stated: RegExpExecArray | null): number {
  if (stated === null) return text.length
  const before = text.split('\n').slice(0, Number(stated[1]) - 1)
  return before.reduce((sum, line) => sum + line.length + 1, Number(stated[2]) - 1)
}

function depthOf(expression: unknown): number {
  if (typeof expression !== 'object' || expression === null) return 0
  return 1 + Math.max(0, ...Object.values(expression).map(part => depthOf(part)))
}

/** The columns that a text names, each once; none when it is not understood, which is told elsewhere. */
export function columnsNamedIn(text: string): readonly string[] {
  const names = new Set<string>()
  const look = (part: unknown): void => {
    if (typeof part !== 'object' || part === null) return
    const { type, name } = part as { type?: unknown; name?: unknown }
    if (type === 'ref' && typeof name === 'string' && name !== '*') names.add(name)
    else for (const inner of Object.values(part)) look(inner)
  }
  try {
    look(parseFilter(text).root)
  } catch (error) {
    if (!isTidemarkError(error)) throw error
  }
  return [...names]
}

/** Where an expression stands in the text. */
export function offsetOf(expression: Expr): number {
  return expression._location?.start ?? 0
}

/** The text of an expression: numbers in all their digits. */
export function sourceOf(text: string, expression: Expr): string {
  const { start, end } = expression._location ?? { start: 0, end: 0 }
  return text.slice(start, end)
}

export function filterFault(text: string, offset: number, fault: string, cure = grammarCure): TidemarkError {
  const message = `the condition \`${text}\` ${fault} (${placeIn(text, offset)})`
  return new TidemarkError('FILTER_INVALID', { message, cure })
}

/** `line 1, column 7` */
export function placeIn(text: string, offset: number): string {
  const before = text.slice(0, offset).split('\n')
  return `line ${before.length}, column ${before.at(-1)!.length + 1}`
}

const grammarCure =
  'write columns, texts in single quotes and numbers with =, <>, <, <=, >, >=, IN, BETWEEN, LIKE, IS NULL, AND, OR, NOT'
