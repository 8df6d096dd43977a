import type pg from 'pg'
import type { Table } from '@tidemark/schemas/table.ts'
import type { TableFacts } from './catalog.ts'
import { loadInto, RelationCatalogue } from './relation-catalogue.ts'

/** The tables as the stream will define them: without computed columns, which are not in the log. */
export async function tableDefinitions(client: pg.Client, tables: readonly TableFacts[]): Promise<Table[]> {
  const catalogue = new RelationCatalogue()
  const typeOids = [...new Set(tables.flatMap(table => table.columns.map(column => column.typeOid)))]
  await loadInto(catalogue, client, { relationIds: tables.map(({ id }) => id), typeOids })
  return tables.map(table => catalogue.table({ ...table, columns: loggedColumns(table) }, 1, new Map()))
}

function loggedColumns(table: TableFacts) {
  const identity = identityColumns(table)
  return table.columns
    .filter(column => column.generated === 'no')
    .map(({ name, typeOid, modifier }) => ({ name, typeOid, modifier, identity: identity.includes(name) }))
}

/** As a relation message marks them. */
function identityColumns({ replicaIdentity, primaryKey, identityIndex, columns }: TableFacts): readonly string[] {
  if (replicaIdentity === 'full') return columns.map(column => column.name)
  if (replicaIdentity === 'nothing') return []
  return replicaIdentity === 'index' ? identityIndex : primaryKey
}
