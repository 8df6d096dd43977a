import type { ColumnType, Table } from '@tidemark/schemas/table.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { NULL_LENGTH, type Tuple } from '@tidemark/schemas/tuple.ts'
import { offsetOf, parseSql, sourceOf, type Expr } from '../filter/filter-syntax.ts'
import { conditionWithin } from '../filter/row-filter.ts'
import type { Decimal } from '../monitoring/decimal.ts'
import { minus, zero } from './decimal-arithmetic.ts'
import { castable, castTarget, toDecimal } from './expression-cast.ts'
import {
  applied,
  constant,
  equal,
  fits,
  made,
  numeric,
  readerOf,
  sameType,
  strict,
  typeOfFamily
} from './expression-node.ts'
import { expressionFault, ofExpression, uncomputable } from './expression-fault.ts'
import { functionForms, FunctionFault, plainText } from './expression-function.ts'
import { arithmetic, integerArithmetic, numericArithmetic } from './expression-operator.ts'
import {
  booleanType,
  datumText,
  familyOf,
  numericType,
  textType,
  type Datum,
  type Family,
  type TypedValue
} from './typed-value.ts'

/** A column that is made of others of its row. */
export interface DerivedValue {
  readonly type: ColumnType
  /** Indexes of the columns it is made of. */
  readonly uses: readonly number[]
  /** Whether the same row may give another value in another transaction, since it is looked up in a captured table. */
  readonly changes?: boolean
  /** Protected column of another table whose value it tells: `schema.table.column`. */
  readonly tells?: string | undefined
  /**
   * The value in PostgreSQL's text form; null for NULL. `isBefore`: of an image before. Throws ROW_UNSUITABLE for what cannot
   * be computed, LOOKUP_UNTOLD.
   */
  text(image: Tuple, isBefore?: boolean): string | null
}

/** Checks the form alone, without a table. Throws EXPRESSION_INVALID. */
export function parseExpression(text: string): void {
  parseSql(text, expressionFault)
}

/**
 * A value over the columns of one version of a table, in a part of PostgreSQL's language and with its meaning: integers
 * as int8, numeric exact to the last digit. Nothing is evaluated but closures made here. Throws EXPRESSION_INVALID,
 * COLUMN_UNKNOWN.
 */
export function expression(text: string, table: Table): DerivedValue {
  const compiler = new ExpressionCompiler(text, table)
  const value = compiler.compiled()
  return {
    type: value.type,
    uses: compiler.uses(),
    text: image => {
      const datum = guarded(text, value, image)
      return datum === null ? null : datumText(datum)
    }
  }
}

function guarded(text: string, value: TypedValue, image: Tuple): Datum {
  try {
    return value.of(image)
  } catch (error) {
    if (!(error instanceof FunctionFault)) throw error
    throw uncomputable(text, error.message, 'let it not come to that: NULLIF(divisor, 0), CASE, or a narrower `filter`')
  }
}

class ExpressionCompiler {
  private readonly text: string
  private readonly table: Table
  private readonly root: Expr

  constructor(text: string, table: Table) {
    this.text = text
    this.table = table
    this.root = parseSql(text, expressionFault).root
  }

  compiled(): TypedValue {
    const value = this.value(this.root)
    return value.family === 'null' ? { ...value, type: textType } : value
  }

  uses(): number[] {
    const names = new Set<string>()
    collectNames(this.root, names)
    return [...names]
      .map(name => this.table.columns.findIndex(column => column.name === name))
      .filter(index => index >= 0)
  }

  private value(node: Expr): TypedValue {
    switch (node.type) {
      case 'ref':
        return this.column(node)
      case 'integer':
      case 'numeric':
        return this.number(node)
      case 'string':
        return constant('text', node.value)
      case 'null':
        return constant('null', null)
      case 'boolean':
        return constant('boolean', node.value)
      case 'binary':
        return this.binary(node)
      case 'unary':
        return this.unary(node)
      case 'ternary':
        return this.condition(node)
      case 'case':
        return this.choice(node)
      case 'call':
        return this.call(node)
      case 'cast':
        return this.cast(node)
      default:
        throw this.fault(node, `has \`${sourceOf(this.text, node)}\`, which is not available`)
    }
  }

  private column(node: Expr & { type: 'ref' }): TypedValue {
    const { table } = this
    const index = node.table === undefined ? table.columns.findIndex(({ name }) => name === node.name) : -1
    if (index < 0) {
      const what = `names \`${sourceOf(this.text, node)}\`, which is no column of ${table.qualifiedName}`
      const { message } = this.fault(node, what)
      const cure = `use one of: ${table.columns.map(({ name }) => name).join(', ')}`
      throw new TidemarkError('COLUMN_UNKNOWN', { message, cure })
    }
    const { type } = table.columns[index]!
    const family = familyOf(type)
    const read = readerOf(type, family)
    return {
      family,
      type: type.name === 'bpchar' ? textType : type,
      of: image => {
        const length = image.lengths[index]!
        if (length === NULL_LENGTH) return null
        const start = image.starts[index]!
        return read(image.bytes.toString('utf8', start, start + length))
      }
    }
  }

  private number(node: Expr): TypedValue {
    const digits = sourceOf(this.text, node).trim()
    const value = toDecimal(digits.startsWith('.') ? `0${digits}` : digits.replace(/\.$/, ''))
    if (node.type === 'numeric' || value.scale > 0) return constant('numeric', value)
    const fits = value.digits < 2n ** 63n
    return fits ? constant('integer', value.digits) : constant('numeric', value)
  }

  private binary(node: Expr & { type: 'binary' }): TypedValue {
    const { op } = node
    if (op === '||') return this.joined(node)
    if (arithmetic.has(op)) return this.arithmetic(node)
    return this.condition(node)
  }

  private arithmetic(node: Expr & { type: 'binary' }): TypedValue {
    const { op } = node
    const left = this.value(node.left)
    const right = this.value(node.right)
    for (const [side, part] of [[left, node.left] as const, [right, node.right] as const])
      this.requireNumber(side, part)
    if (left.family === 'integer' && right.family === 'integer') {
      return made(
        'integer',
        strict([left, right], ([a, b]) => integerArithmetic(op, a as bigint, b as bigint))
      )
    }
    const operands = [numeric(left), numeric(right)]
    return made(
      'numeric',
      strict(operands, ([a, b]) => numericArithmetic(op, a as Decimal, b as Decimal))
    )
  }

  private requireNumber({ family, type }: TypedValue, node: Expr): void {
    if (family === 'integer' || family === 'numeric') return
    const isFloat = type.kind === 'float4' || type.kind === 'float8'
    const why = isFloat ? 'a floating-point number: its digits are not exact' : `of type ${type.name}`
    const cure = isFloat ? 'keep amounts in numeric columns' : 'cast it: ::numeric or ::int8'
    throw this.fault(node, `computes with \`${sourceOf(this.text, node)}\`, which is ${why}`, cure)
  }

  private joined(node: Expr & { type: 'binary' }): TypedValue {
    const parts = [this.value(node.left), this.value(node.right)]
    for (const [index, part] of parts.entries()) this.requireJoinable(part, index === 0 ? node.left : node.right)
    return made(
      'text',
      strict(parts, ([a, b]) => plainText(a!) + plainText(b!))
    )
  }

  private requireJoinable({ family, type }: TypedValue, node: Expr): void {
    if (family !== 'boolean' && family !== 'opaque') return
    const what = `joins \`${sourceOf(this.text, node)}\` of type ${type.name} to a text`
    throw this.fault(node, what, 'cast it: ::text')
  }

  private unary(node: Expr & { type: 'unary' }): TypedValue {
    const op = node.op as string
    if (op !== '-' && op !== '+') return this.condition(node)
    const operand = this.value(node.operand)
    this.requireNumber(operand, node.operand)
    if (op === '+') return operand
    return operand.family === 'integer'
      ? made(
          'integer',
          strict([operand], ([a]) => integerArithmetic('-', 0n, a as bigint))
        )
      : made(
          'numeric',
          strict([operand], ([a]) => minus(zero, a as Decimal))
        )
  }

  private condition(node: Expr): TypedValue {
    try {
      const truth = conditionWithin(this.text, this.table, node)
      return { family: 'boolean', type: booleanType, of: truth }
    } catch (error) {
      throw ofExpression(error)
    }
  }

  private choice(node: Expr & { type: 'case' }): TypedValue {
    const at = node._location === undefined ? {} : { _location: node._location }
    const { value: subject } = node
    const conditions = node.whens.map(({ when }) =>
      this.condition(subject ? { type: 'binary', op: '=', left: subject, right: when, ...at } : when)
    )
    const branches = [...node.whens.map(({ value }) => value), ...(node.else ? [node.else] : [])]
    const { family, type, values } = this.unified(branches, node)
    const otherwise = node.else ? values.at(-1)! : constant('null', null)
    return {
      family,
      type,
      of: image => {
        for (let index = 0; index < conditions.length; index++) {
          if (conditions[index]!.of(image) === true) return values[index]!.of(image)
        }
        return otherwise.of(image)
      }
    }
  }

  /** Several values as one type: all alike, or integers among numerics. */
  private unified(nodes: readonly Expr[], at: Expr): { family: Family; type: ColumnType; values: TypedValue[] } {
    const values = nodes.map(node => this.value(node))
    const known = values.filter(({ family }) => family !== 'null')
    const families = new Set(known.map(({ family }) => family))
    if (families.size === 2 && families.has('integer') && families.has('numeric')) {
      return { family: 'numeric', type: numericType, values: values.map(numeric) }
    }
    const [first] = known
    if (first === undefined) return { family: 'null', type: textType, values }
    const isOne =
      families.size === 1 && (first.family !== 'opaque' || known.every(({ type }) => sameType(type, first.type)))
    if (!isOne) throw this.fault(at, 'gives values of several types', 'cast them to one type')
    const type = known.every(each => sameType(each.type, first.type)) ? first.type : typeOfFamily[first.family]!
    return { family: first.family, type, values }
  }

  private call(node: Expr & { type: 'call' }): TypedValue {
    const { name } = node.function
    if (name === 'coalesce') return this.coalesce(node)
    if (name === 'nullif') return this.nullif(node)
    if (name === 'concat') return this.concat(node)
    const forms = Object.hasOwn(functionForms, name) ? functionForms[name]! : null
    if (forms === null || node.function.schema !== undefined) {
      throw this.fault(node, `calls ${name}, which is not available`)
    }
    const values = node.args.map(argument => this.value(argument))
    const form = forms.find(({ takes }) => fits(takes, values))
    if (form === undefined) {
      const given = values.map(({ type, family }) => (family === 'null' ? 'NULL' : type.name)).join(', ')
      const known = forms.map(({ takes }) => `${name}(${takes.join(', ')})`).join(' or ')
      throw this.fault(node, `calls ${name}(${given})`, `it takes ${known}`)
    }
    return applied(form, values)
  }

  private coalesce(node: Expr & { type: 'call' }): TypedValue {
    const { family, type, values } = this.unified(this.atLeast(node, 1), node)
    const of = (image: Tuple) => {
      for (const value of values) {
        const datum = value.of(image)
        if (datum !== null) return datum
      }
      return null
    }
    return { family, type, of }
  }

  private nullif(node: Expr & { type: 'call' }): TypedValue {
    const args = this.atLeast(node, 2)
    if (args.length > 2) throw this.fault(node, 'calls nullif with more than two values')
    const first = this.value(args[0]!)
    const { values } = this.unified(args, node)
    const of = (image: Tuple) => {
      const [one, other] = values.map(value => value.of(image)) as [Datum, Datum]
      return one !== null && other !== null && equal(one, other) ? null : first.of(image)
    }
    return { family: first.family, type: first.type, of }
  }

  /** NULLs are left out. */
  private concat(node: Expr & { type: 'call' }): TypedValue {
    const values = this.atLeast(node, 1).map(argument => {
      const value = this.value(argument)
      this.requireJoinable(value, argument)
      return value
    })
    const texts = (image: Tuple) =>
      values.map(value => {
        const datum = value.of(image)
        return datum === null ? '' : plainText(datum)
      })
    return made('text', image => texts(image).join(''))
  }

  private atLeast(node: Expr & { type: 'call' }, count: number): readonly Expr[] {
    if (node.args.length >= count) return node.args
    throw this.fault(node, `calls ${node.function.name} with ${node.args.length} values`)
  }

  private cast(node: Expr & { type: 'cast' }): TypedValue {
    const { to } = node
    const name = 'name' in to ? to.name : 'array'
    const target = castTarget(name, 'config' in to ? (to.config ?? []) : [])
    const operand = this.value(node.operand)
    if (target === null || !castable(operand.family, target)) {
      const what = `casts \`${sourceOf(this.text, node.operand)}\` (${operand.type.name}) to ${name}`
      throw this.fault(node, what, 'cast to text, int8, numeric or numeric(p, s)')
    }
    const of = strict([operand], ([value]) => target.cast(value!))
    return { family: target.family, type: target.type, of }
  }

  private fault(node: Expr, what: string, cure?: string): TidemarkError {
    return expressionFault(this.text, offsetOf(node), what, cure)
  }
}

function collectNames(node: unknown, names: Set<string>): void {
  if (typeof node !== 'object' || node === null) return
  const { type, name } = node as { type?: unknown; name?: unknown }
  if (type === 'ref' && typeof name === 'string') names.add(name)
  for (const part of Object.values(node)) collectNames(part, names)
}
