import type { ColumnType, TypeKind } from '@tidemark/schemas/table.ts'

/** A row of pg_type as far as it is needed. */
export interface CatalogueType {
  oid: number
  name: string
  /** pg_type.typtype: b base, c composite, d domain, e enum, p pseudo, r range, m multirange. */
  type: string
  /** pg_type.typcategory: S is string. */
  category: string
  /** Of a domain, else 0. */
  baseOid: number
  /** Of a domain, else -1. */
  modifier: number
  /** Of a true array, else 0: int2vector and oidvector have elements but another text form. */
  elementOid: number
}

/** OIDs of built-in types are constants of PostgreSQL (pg_type.dat). */
const builtInKinds: ReadonlyMap<number, TypeKind> = new Map<number, TypeKind>([
  [16, 'boolean'],
  [17, 'bytea'],
  [20, 'int8'],
  [21, 'int2'],
  [23, 'int4'],
  [26, 'oid'],
  [114, 'json'],
  [700, 'float4'],
  [701, 'float8'],
  [1082, 'date'],
  [1083, 'time'],
  [1114, 'timestamp'],
  [1184, 'timestamptz'],
  [1186, 'interval'],
  [1266, 'timetz'],
  [1700, 'numeric'],
  [2950, 'uuid'],
  [3802, 'json']
])

/** What the catalogue said of types; domains are seen through. */
export class TypeCatalogue {
  private readonly types = new Map<number, CatalogueType>()

  add(types: readonly CatalogueType[]): void {
    for (const type of types) this.types.set(type.oid, type)
  }

  /** The type of a column with that atttypmod; null while the type, or one it is made of, is not known. */
  resolve(oid: number, modifier: number): ColumnType | null {
    const type = this.types.get(oid)
    if (type === undefined) return null
    if (type.type === 'd') return this.resolve(type.baseOid, type.modifier === -1 ? modifier : type.modifier)
    if (type.elementOid === 0) return { oid, name: type.name, kind: kindOf(type), element: null, modifier }
    const element = this.resolve(type.elementOid, modifier)
    return element && { oid, name: type.name, kind: 'array', element, modifier }
  }
}

/** A type of which only the stream tells: dropped since, so the catalogue cannot be asked. */
export function vanishedType(oid: number, name: string, modifier: number): ColumnType {
  return { oid, name, kind: 'other', element: null, modifier }
}

function kindOf(type: CatalogueType): TypeKind {
  const builtIn = builtInKinds.get(type.oid)
  if (builtIn !== undefined) return builtIn
  if (type.type === 'e') return 'enum'
  return type.category === 'S' ? 'text' : 'other'
}
