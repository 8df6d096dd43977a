import type { Table } from '@tidemark/schemas/table.ts'
import type { TypedTable } from '../postgres/column-typing.ts'
import { quoted, valueType, type EnumLabels } from './value-type.ts'

/** A table whose rows are typed: `seen` is what processors see of it, so after its column rules. */
export interface SeenTable {
  readonly source: TypedTable
  readonly seen: Table
  /** How columns are protected, by name. */
  readonly protections: ReadonlyMap<string, string>
}

export interface RowColumn {
  readonly name: string
  /** TypeScript. */
  readonly type: string
  /** Type in SQL, key and protection, for people. */
  readonly note: string
}

export interface RowType {
  /** `schema.table` */
  readonly table: string
  /** Of the interface. */
  readonly name: string
  readonly columns: readonly RowColumn[]
}

/** A row type for each table, in the order of their names whatever order they come in. */
export function rowTypes(tables: readonly SeenTable[], enums: EnumLabels): RowType[] {
  const taken = new Set<string>(['Tables', 'Buffer', 'JsonValue', 'ArrayValue'])
  return tables
    .toSorted((a, b) => (a.seen.qualifiedName < b.seen.qualifiedName ? -1 : 1))
    .map(table => ({
      table: table.seen.qualifiedName,
      name: freeName(interfaceName(table.seen), taken),
      columns: table.seen.columns.map((_, index) => rowColumn(table, index, enums))
    }))
}

function rowColumn({ source, seen, protections }: SeenTable, index: number, enums: EnumLabels): RowColumn {
  const { name, type } = seen.columns[index]!
  const typing = source.columns.get(name)
  const protection = protections.get(name)
  const value = valueType(type, enums)
  const notes = typing === undefined ? [type.name, 'derived'] : [typing.sqlType]
  if (seen.keyColumns.includes(index)) notes.push('key')
  if (protection !== undefined) notes.push(`protected by ${protection}: text`)
  return { name, type: typing?.notNull === true ? value : `${value} | null`, note: notes.join('; ') }
}

/** `public.account_entry`: PublicAccountEntry. */
function interfaceName({ schema, name }: Table): string {
  const words = `${schema}_${name}`.split(/[^\p{L}\p{N}]+/u).filter(word => word !== '')
  const joined = words.map(word => word[0]!.toUpperCase() + word.slice(1)).join('')
  return /^\p{L}/u.test(joined) ? joined : `Table${joined}`
}

function freeName(wanted: string, taken: Set<string>): string {
  let name = wanted
  for (let number = 2; taken.has(name); number++) name = `${wanted}${number}`
  taken.add(name)
  return name
}

/** The file's text: the same for the same tables, so that it can be committed. */
export function rowTypesText(types: readonly RowType[], subscription: string): string {
  const used = ['ArrayValue', 'JsonValue'].filter(name =>
    types.some(({ columns }) => columns.some(({ type }) => new RegExp(`\\b${name}\\b`).test(withoutTexts(type))))
  )
  return [
    `// Rows of the tables of subscription ${subscription}, as processors see them. Written by \`tidemark types\`, which can be run`,
    '// again when tables or column rules change; not to be edited.',
    ...(used.length === 0 ? [] : [`import type { ${used.join(', ')} } from '@tidemark/kcop'`]),
    ...types.flatMap(type => ['', ...interfaceLines(type)]),
    '',
    '/** Row types by table, for `defineProcessor<Tables>`. */',
    'export interface Tables {',
    ...types.map(({ table, name }) => `  ${quoted(table)}: ${name}`),
    '}',
    ''
  ].join('\n')
}

function interfaceLines({ table, name, columns }: RowType): string[] {
  return [
    `/** ${commented(table)} */`,
    `export interface ${name} {`,
    ...columns.flatMap(column => [
      `  /** ${commented(column.note)} */`,
      `  ${memberName(column.name)}: ${column.type}`
    ]),
    '}'
  ]
}

function memberName(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : quoted(name)
}

/** Names may hold anything, the end of a comment and of a line included. */
function commented(text: string): string {
  return text.replaceAll('*/', '*\\/').replaceAll(/\s+/g, ' ')
}

/** Labels of enums may look like names of types. */
function withoutTexts(type: string): string {
  return type.replaceAll(/'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"/g, '')
}
