import type { Table } from '@tidemark/schemas/table.ts'
import { NULL_LENGTH, UNCHANGED_LENGTH, type Tuple } from '@tidemark/schemas/tuple.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { ImageTest } from '../routing/row-condition.ts'
import { comparableOf, type Comparable } from './comparable.ts'
import { filterFault, offsetOf, parseFilter, sourceOf, type Expr } from './filter-syntax.ts'
import { likePattern } from './like-pattern.ts'

/** True, false or unknown (null), as in SQL. */
export type Truth = (image: Tuple) => boolean | null
/** A value, or null. */
type Value = (image: Tuple) => unknown

interface ColumnReference {
  readonly index: number
  readonly name: string
  readonly comparable: Comparable | null
}

interface ComparedColumn extends ColumnReference {
  readonly comparable: Comparable
}

const orders: Readonly<Record<string, (order: number) => boolean>> = {
  '=': order => order === 0,
  '!=': order => order !== 0,
  '<>': order => order !== 0,
  '<': order => order < 0,
  '<=': order => order <= 0,
  '>': order => order > 0,
  '>=': order => order >= 0
}
const mirrored: Readonly<Record<string, string>> = { '<': '>', '<=': '>=', '>': '<', '>=': '<=' }

/**
 * A condition on rows of one version of a table, in a part of PostgreSQL's language and with its meaning: three-valued
 * logic, exact numbers. Nothing is evaluated but closures made here. Throws FILTER_INVALID, COLUMN_UNKNOWN.
 */
export function rowFilter(text: string, table: Table): ImageTest {
  const truth = new FilterCompiler(text, table).truth(parseFilter(text).root)
  return image => truth(image) === true
}

/** A condition within an expression of `text`. Throws FILTER_INVALID, COLUMN_UNKNOWN. */
export function conditionWithin(text: string, table: Table, condition: Expr): Truth {
  return new FilterCompiler(text, table).truth(condition)
}

class FilterCompiler {
  private readonly text: string
  private readonly table: Table

  constructor(text: string, table: Table) {
    this.text = text
    this.table = table
  }

  truth(expression: Expr): Truth {
    switch (expression.type) {
      case 'binary':
        return this.binary(expression)
      case 'unary':
        return this.unary(expression)
      case 'ternary':
        return this.between(expression)
      case 'boolean':
        return () => expression.value
      case 'ref':
        return this.flag(expression)
      default:
        throw this.fault(expression, `has \`${sourceOf(this.text, expression)}\` where a condition is needed`)
    }
  }

  private binary(expression: Expr & { type: 'binary' }): Truth {
    const { op, left, right } = expression
    if (op === 'AND') return both(this.truth(left), this.truth(right))
    if (op === 'OR') return either(this.truth(left), this.truth(right))
    if (op in orders) return this.comparison(expression, op)
    if (op === 'IN') return this.membership(left, right)
    if (op === 'NOT IN') return not(this.membership(left, right))
    if (op === 'LIKE') return this.like(left, right)
    if (op === 'NOT LIKE') return not(this.like(left, right))
    throw this.fault(expression, `uses ${op}, which is not available`)
  }

  private unary(expression: Expr & { type: 'unary' }): Truth {
    const { operand } = expression
    const op = expression.op as string
    if (op === 'NOT') return not(this.truth(operand))
    if (op === 'IS NULL' || op === 'IS NOT NULL') {
      const isNull = this.nullTest(operand)
      return op === 'IS NULL' ? isNull : not(isNull)
    }
    const match = /^IS (NOT )?(TRUE|FALSE)$/.exec(op)
    if (match === null) throw this.fault(expression, `uses ${op}, which is not available`)
    const truth = this.truth(operand)
    const wanted = match[2] === 'TRUE'
    return image => (truth(image) === wanted) !== (match[1] !== undefined)
  }

  private nullTest(operand: Expr): Truth {
    if (operand.type !== 'ref') throw this.fault(operand, 'asks of something other than a column whether it is null')
    const { index, name } = this.column(operand)
    return image => {
      this.requireSent(image, index, name)
      return image.lengths[index] === NULL_LENGTH
    }
  }

  private between(expression: Expr & { type: 'ternary' }): Truth {
    const { value, lo, hi, op } = expression
    const at = expression._location === undefined ? {} : { _location: expression._location }
    const low = this.comparison({ type: 'binary', op: '>=', left: value, right: lo, ...at }, '>=')
    const high = this.comparison({ type: 'binary', op: '<=', left: value, right: hi, ...at }, '<=')
    const inside = both(low, high)
    return op === 'BETWEEN' ? inside : not(inside)
  }

  private comparison(expression: Expr & { type: 'binary' }, op: string): Truth {
    const { left, right } = expression
    if (left.type !== 'ref' && right.type === 'ref') {
      const turned = mirrored[op] ?? op
      return this.comparison({ ...expression, left: right, right: left }, turned)
    }
    if (left.type !== 'ref') throw this.fault(expression, 'compares without naming a column')
    const column = this.comparableColumn(left)
    const { comparable } = column
    const holds = orders[op]!
    if (!comparable.ordered && op in mirrored) throw this.unordered(expression, column.name)
    if (right.type === 'ref') return this.columns(column, this.otherColumn(right, column), holds)
    const one = this.columnValue(column)
    const other = this.literal(right, column)
    return image => {
      const a = one(image)
      const b = other(image)
      return a === null || b === null ? null : holds(comparable.compare(a, b))
    }
  }

  private columns(left: ComparedColumn, right: ComparedColumn, holds: (order: number) => boolean): Truth {
    const mixed = left.comparable.float !== right.comparable.float
    const one = this.columnValue(left, mixed)
    const other = this.columnValue(right, mixed)
    const { comparable } = left.comparable.float === true ? left : right
    return image => {
      const a = one(image)
      const b = other(image)
      return a === null || b === null ? null : holds(comparable.compare(a, b))
    }
  }

  private otherColumn(expression: Expr & { type: 'ref' }, column: ComparedColumn): ComparedColumn {
    const other = this.comparableColumn(expression)
    if (other.comparable.name === column.comparable.name) return other
    throw this.fault(
      expression,
      `compares ${column.name} (${column.comparable.name}) with ${other.name} (${other.comparable.name})`
    )
  }

  private literal(expression: Expr, { name, comparable }: { name: string; comparable: Comparable }): Value {
    if (expression.type === 'null') return () => null
    const text = this.literalText(expression, comparable.name)
    const value = text === null ? null : comparable.ofLiteral(text)
    if (value === null) {
      const cure = comparable.name === 'timestamptz' ? "write it in UTC: '2024-02-29 12:00:00Z'" : undefined
      throw this.fault(
        expression,
        `compares ${name} (${comparable.name}) with ${sourceOf(this.text, expression)}`,
        cure
      )
    }
    return () => value
  }

  /** null: not a literal that could be of the type. */
  private literalText(expression: Expr, wanted: Comparable['name']): string | null {
    switch (expression.type) {
      case 'string':
        return expression.value
      case 'integer':
      case 'numeric':
        return wanted === 'number' ? sourceOf(this.text, expression).replaceAll(/\s/g, '') : null
      case 'unary':
        return (expression.op as string) === '-' && wanted === 'number'
          ? `-${this.literalText(expression.operand, wanted)}`
          : null
      case 'boolean':
        return wanted === 'boolean' ? String(expression.value) : null
      default:
        throw this.fault(expression, `has \`${sourceOf(this.text, expression)}\` where a value is needed`)
    }
  }

  private membership(left: Expr, right: Expr): Truth {
    const items = right.type === 'list' ? right.expressions : [right]
    const at = left._location === undefined ? {} : { _location: left._location }
    const tests = items.map(item => this.comparison({ type: 'binary', op: '=', left, right: item, ...at }, '='))
    return tests.reduce((one, other) => either(one, other))
  }

  private like(left: Expr, right: Expr): Truth {
    if (left.type !== 'ref' || right.type !== 'string') throw this.fault(left, "needs LIKE as: column LIKE 'pattern'")
    const column = this.comparableColumn(left)
    if (column.comparable.name !== 'text') throw this.fault(left, `uses LIKE on ${column.name}, which is no text`)
    const test = likePattern(right.value)
    if (test === null) throw this.fault(right, 'has a LIKE pattern that ends with its escape')
    const value = this.textValue(column.index, column.name)
    return image => {
      const text = value(image)
      return text === null ? null : test(text)
    }
  }

  /** A boolean column by itself. */
  private flag(expression: Expr & { type: 'ref' }): Truth {
    const column = this.comparableColumn(expression)
    if (column.comparable.name !== 'boolean') throw this.fault(expression, `needs a comparison behind ${column.name}`)
    return this.columnValue(column) as Truth
  }

  /** `asDouble`: an exact number as the nearest double. */
  private columnValue({ index, name, comparable }: ComparedColumn, asDouble = false): Value {
    const value = this.textValue(index, name)
    const exact = asDouble && comparable.float !== true
    return image => {
      const text = value(image)
      if (text === null) return null
      return exact ? Number(text) : comparable.of(text)
    }
  }

  private textValue(index: number, name: string): (image: Tuple) => string | null {
    return image => {
      this.requireSent(image, index, name)
      const length = image.lengths[index]!
      if (length === NULL_LENGTH) return null
      const start = image.starts[index]!
      return image.bytes.toString('utf8', start, start + length)
    }
  }

  private requireSent(image: Tuple, index: number, name: string): void {
    if (image.lengths[index] !== UNCHANGED_LENGTH) return
    throw new TidemarkError('ROW_UNSUITABLE', {
      message: `column ${name} of ${this.table.qualifiedName}, which the filter needs, was not sent`,
      cure: `ALTER TABLE ${this.table.qualifiedName} REPLICA IDENTITY FULL;`
    })
  }

  private comparableColumn(expression: Expr & { type: 'ref' }): ComparedColumn {
    const column = this.column(expression)
    const { comparable } = column
    if (comparable !== null) return { ...column, comparable }
    const type = this.table.columns[column.index]!.type.name
    throw this.fault(expression, `compares ${column.name}: type ${type} can only be tested with IS NULL`)
  }

  private column(expression: Expr & { type: 'ref' }): ColumnReference {
    const { name } = expression
    const index = this.table.columns.findIndex(column => column.name === name)
    if (index >= 0 && expression.table === undefined) {
      return { index, name, comparable: comparableOf(this.table.columns[index]!.type) }
    }
    const { message } = this.fault(
      expression,
      `names \`${sourceOf(this.text, expression)}\`, which is no column of ${this.table.qualifiedName}`
    )
    const cure = `use one of: ${this.table.columns.map(column => column.name).join(', ')}`
    throw new TidemarkError('COLUMN_UNKNOWN', { message, cure })
  }

  private unordered(expression: Expr, name: string): TidemarkError {
    return this.fault(
      expression,
      `asks for the order of ${name}, which depends on the collation`,
      'compare texts with =, <>, IN or LIKE'
    )
  }

  private fault(expression: Expr, what: string, cure?: string): TidemarkError {
    return filterFault(this.text, offsetOf(expression), what, cure)
  }
}

function both(left: Truth, right: Truth): Truth {
  return image => {
    const a = left(image)
    if (a === false) return false
    const b = right(image)
    return b === false ? false : a === null || b === null ? null : true
  }
}

function either(left: Truth, right: Truth): Truth {
  return image => {
    const a = left(image)
    if (a === true) return true
    const b = right(image)
    return b === true ? true : a === null || b === null ? null : false
  }
}

function not(truth: Truth): Truth {
  return image => {
    const value = truth(image)
    return value === null ? null : !value
  }
}
