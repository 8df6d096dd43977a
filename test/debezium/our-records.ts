import type pg from 'pg'
import { debeziumAvroFormat } from '@tidemark/kcop/formats/debezium/debezium-avro.ts'
import { debeziumFormat } from '@tidemark/kcop/formats/debezium/debezium.ts'
import { Producer } from '@tidemark/kcop/producer.ts'
import { tableRule } from '@tidemark/kcop/rules.ts'
import { RecordingSink } from '@tidemark/kcop/testing/recording-sink.ts'
import type { Table } from '@tidemark/schemas/table.ts'
import { isTidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { decodeChanges } from '../fidelity/decoded-changes.ts'
import type { TopicSchemas } from './schema-comparison.ts'

/** A record of ours; `refused`: the code of the error that stands for it. */
export interface WrittenRecord {
  topic: string
  key: Buffer | null
  value: Buffer | null
  headers: Readonly<Record<string, string | null>>
  refused?: string
}

export interface Written {
  records: WrittenRecord[]
  /** Avro schemas by id. */
  schemas: string[]
  tables: Map<string, Table>
}

/** What our decoder and one format make of the changes of a slot, which stay there. */
export async function ourRecords(
  client: pg.Client,
  slot: string,
  publication: string,
  { prefix, tables: names, format }: { prefix: string; tables: readonly string[]; format: string }
): Promise<Written> {
  const { rows } = await client.query<{ name: string }>('SELECT current_database() AS name')
  const sink = new RecordingSink()
  const written: Written = { records: [], schemas: [], tables: new Map() }
  const producer = producerOf(sink, { prefix, database: rows[0]!.name, tables: names, format }, written.schemas)
  await decodeChanges(client, slot, publication, {
    schema: table => {
      written.tables.set(table.qualifiedName, table)
      producer.schema(table)
    },
    begin: transaction => producer.begin(transaction),
    operation: operation => {
      try {
        producer.process(operation)
      } catch (error) {
        if (!isTidemarkError(error, 'ROW_UNSUITABLE')) throw error
        const topic = operation.table!.qualifiedName
        written.records.push({ topic, key: null, value: null, headers: {}, refused: error.code })
      }
      written.records.push(...taken(sink, prefix))
    },
    commit: () => {},
    idle: () => {}
  })
  return written
}

function producerOf(
  sink: RecordingSink,
  { prefix, database, tables, format }: { prefix: string; database: string; tables: readonly string[]; format: string },
  schemas: string[]
): Producer {
  const surroundings = { prefix, database, version: '0', decimals: 'precise', now: Date.now } as const
  const entry = (subject: string, schema: string) => ({ subject, schema, id: schemas.push(schema) - 1, ready: null })
  const rules = tables.map(name => tableRule(`public.${name}`, prefix, { format }))
  return new Producer({
    rules: { tables: rules, outbox: { tables: [], messages: [] } },
    sink,
    formats: [
      debeziumFormat(surroundings),
      debeziumAvroFormat({ ...surroundings, registry: { entry }, subjects: 'topic' })
    ]
  })
}

function taken(sink: RecordingSink, prefix: string): WrittenRecord[] {
  const [keys, values] = [[...sink.keys], [...sink.values]]
  return sink.take().map(({ topic, headers }, index) => {
    return { topic: topic.slice(prefix.length + 1), key: keys[index]!, value: values[index]!, headers }
  })
}

/** The schemas we register for a table. */
export function ourSchemas(table: Table, prefix: string): TopicSchemas {
  const noted: TopicSchemas = { key: '', value: '' }
  const entry = (subject: string, schema: string) => {
    noted[subject.endsWith('-key') ? 'key' : 'value'] = schema
    return { subject, schema, id: 1, ready: null }
  }
  const surroundings = { prefix, database: '', version: '0', decimals: 'precise', now: Date.now } as const
  debeziumAvroFormat({ ...surroundings, registry: { entry }, subjects: 'topic' }).compile(
    table,
    table.keyColumns,
    prefix
  )
  return noted
}
