import type { ArrayElement } from '@tidemark/schemas/array-literal.ts'
import type { JsonValue } from '@tidemark/schemas/json-text.ts'
import type { ColumnType, TypeKind } from '@tidemark/schemas/table.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'

/** What a value written by hand is, by the SQL name of its column's type: the form processors see (docs/types.md). */
interface ScalarValues {
  boolean: boolean
  smallint: number
  integer: number
  bigint: number | bigint
  oid: number
  real: number
  'double precision': number
  numeric: string | number
  text: string
  varchar: string
  bytea: Uint8Array
  date: string
  time: string
  timetz: string
  timestamp: string
  timestamptz: string
  interval: string
  uuid: string
  json: JsonValue
  jsonb: JsonValue
  inet: string
  money: string
}

type NumericSpec = `numeric(${number},${number})`

export type ScalarSpec = keyof ScalarValues | NumericSpec

/** An enum by its labels; an array by its elements' type and `[]`. */
export type ColumnSpec = ScalarSpec | `${ScalarSpec}[]` | { readonly enum: readonly string[]; readonly array?: boolean }

type ScalarValue<Spec> = Spec extends keyof ScalarValues
  ? ScalarValues[Spec]
  : Spec extends NumericSpec
    ? string | number
    : never

/** The value of a column that is not null. */
export type SpecValue<Spec> = Spec extends { readonly enum: readonly (infer Label)[]; readonly array: true }
  ? ArrayElement<Label>[]
  : Spec extends { readonly enum: readonly (infer Label)[] }
    ? Label
    : Spec extends `${infer Element}[]`
      ? ArrayElement<ScalarValue<Element>>[]
      : ScalarValue<Spec>

interface CatalogueName {
  name: string
  kind: TypeKind
  /** pg_type.dat */
  oid: number
}

const builtIn: Readonly<Record<keyof ScalarValues, CatalogueName>> = {
  boolean: { name: 'bool', kind: 'boolean', oid: 16 },
  bytea: { name: 'bytea', kind: 'bytea', oid: 17 },
  bigint: { name: 'int8', kind: 'int8', oid: 20 },
  smallint: { name: 'int2', kind: 'int2', oid: 21 },
  integer: { name: 'int4', kind: 'int4', oid: 23 },
  text: { name: 'text', kind: 'text', oid: 25 },
  oid: { name: 'oid', kind: 'oid', oid: 26 },
  json: { name: 'json', kind: 'json', oid: 114 },
  real: { name: 'float4', kind: 'float4', oid: 700 },
  'double precision': { name: 'float8', kind: 'float8', oid: 701 },
  money: { name: 'money', kind: 'other', oid: 790 },
  inet: { name: 'inet', kind: 'other', oid: 869 },
  varchar: { name: 'varchar', kind: 'text', oid: 1043 },
  date: { name: 'date', kind: 'date', oid: 1082 },
  time: { name: 'time', kind: 'time', oid: 1083 },
  timestamp: { name: 'timestamp', kind: 'timestamp', oid: 1114 },
  timestamptz: { name: 'timestamptz', kind: 'timestamptz', oid: 1184 },
  interval: { name: 'interval', kind: 'interval', oid: 1186 },
  timetz: { name: 'timetz', kind: 'timetz', oid: 1266 },
  numeric: { name: 'numeric', kind: 'numeric', oid: 1700 },
  uuid: { name: 'uuid', kind: 'uuid', oid: 2950 },
  jsonb: { name: 'jsonb', kind: 'json', oid: 3802 }
}
/** Of a type that no server has given a number: above the numbers of built-in types (16,384). */
const ownOid = 16_384

/** The type as the catalogue of a server has it. Throws USAGE for a type that is not known here. */
export function typeOfSpec(spec: ColumnSpec, column: string): ColumnType {
  if (typeof spec === 'object') return enumType(spec.array === true, column)
  if (spec.endsWith('[]')) return arrayOf(scalarType(spec.slice(0, -2), column))
  return scalarType(spec, column)
}

function enumType(isArray: boolean, column: string): ColumnType {
  const label: ColumnType = { oid: ownOid, name: column, kind: 'enum', element: null, modifier: -1 }
  return isArray ? arrayOf(label) : label
}

function arrayOf(element: ColumnType): ColumnType {
  return { oid: ownOid + 1, name: `_${element.name}`, kind: 'array', element, modifier: element.modifier }
}

function scalarType(spec: string, column: string): ColumnType {
  const numeric = /^numeric\((\d+),(\d+)\)$/.exec(spec)
  if (numeric !== null) return { ...plainType('numeric'), modifier: numericModifier(numeric[1]!, numeric[2]!) }
  if (Object.hasOwn(builtIn, spec)) return plainType(spec as keyof ScalarValues)
  throw new TidemarkError('USAGE', {
    message: `column ${column} has the type "${spec}", which defineTable does not know`,
    cure: `use one of ${Object.keys(builtIn).join(', ')}, numeric(p,s), one of them with [], or {enum: [..]}`
  })
}

function plainType(spec: keyof ScalarValues): ColumnType {
  return { ...builtIn[spec], element: null, modifier: -1 }
}

/** numeric.c, make_numeric_typmod. */
function numericModifier(precision: string, scale: string): number {
  return ((Number(precision) << 16) | Number(scale)) + 4
}
