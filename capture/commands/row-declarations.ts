import { writeFile } from 'node:fs/promises'
import { enrichmentOf } from '@tidemark/kcop/enrichment/enrichment.ts'
import { loadLookups } from '@tidemark/kcop/enrichment/lookup-file.ts'
import type { LookupTables } from '@tidemark/kcop/enrichment/lookup-table.ts'
import { planColumns } from '@tidemark/kcop/routing/column-plan.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { Configuration, TableConfiguration } from '../config/configuration.ts'
import { producerRules } from '../config/producer-rules.ts'
import { emptyLookups } from '../lookups/lookup-facts.ts'
import { typedTables, type TypedTable } from '../postgres/column-typing.ts'
import { SqlSession } from '../postgres/sql-session.ts'
import { rowTypes, rowTypesText, type RowType, type SeenTable } from '../typing/row-declarations.ts'
import type { ExitCode, Invocation } from './invocation.ts'

/** `tidemark types`: TypeScript types of the rows processors see. Reads the catalogue, changes nothing in the database. */
export async function types(invocation: Invocation): Promise<ExitCode> {
  const configuration = invocation.configuration()
  if (configuration === null) return 1
  const found = await readRowTypes(configuration)
  const text = rowTypesText(found, configuration.subscription)
  const file = invocation.options['out'] as string | undefined
  if (file === undefined) {
    invocation.answer({ ok: true, findings: [], tables: found, text }, text)
    return 0
  }
  await write(file, text)
  invocation.answer({ ok: true, findings: [], tables: found, file }, `wrote ${file}: ${found.length} tables\n`)
  return 0
}

async function readRowTypes(configuration: Configuration): Promise<RowType[]> {
  const applicationName = `tidemark ${configuration.subscription} command`
  const sql = new SqlSession({ url: configuration.postgres.url, applicationName })
  try {
    const { tables } = configuration
    const found = await sql.do('reading the catalogue', client => typedTables(client, tables))
    const known = new Map(found.tables.map(typed => [typed.table.qualifiedName, typed]))
    const lookups = new Map([
      ...loadLookups(configuration.lookups),
      ...emptyLookups(
        configuration.tableLookups,
        found.tables.map(({ table }) => table)
      )
    ])
    const seen = tables.map((table, index) =>
      seenTable(configuration, index, known.get(table.qualifiedName) ?? missing(table), lookups)
    )
    return rowTypes(seen, found.enumLabels)
  } finally {
    await sql.close()
  }
}

/** Throws COLUMN_UNKNOWN and CONFIG_INVALID as the agent would. */
function seenTable(configuration: Configuration, index: number, source: TypedTable, lookups: LookupTables): SeenTable {
  const rule = producerRules(configuration).tables[index]!
  const protections = new Map(rule.columns.protected.map(({ column, protection }) => [column, protection.kind]))
  const widened = enrichmentOf(source.table, rule, lookups)?.table ?? source.table
  return { source, seen: planColumns(widened, rule).table, protections }
}

function missing({ qualifiedName, place }: TableConfiguration): never {
  throw new TidemarkError('TABLE_MISSING', { message: `table ${qualifiedName} does not exist`, place })
}

async function write(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text)
  } catch (error) {
    throw new TidemarkError('USAGE', {
      message: `${file} cannot be written`,
      cure: 'name a file in a folder that is there',
      cause: error
    })
  }
}
