import type pg from 'pg'
import { avroAuditFormats } from '@tidemark/kcop/avro/avro-audit.ts'
import { avroFormat } from '@tidemark/kcop/avro/avro-format.ts'
import { debeziumAvroFormat } from '@tidemark/kcop/formats/debezium/debezium-avro.ts'
import { Producer } from '@tidemark/kcop/producer.ts'
import { tableRule } from '@tidemark/kcop/rules.ts'
import { RecordingSink } from '@tidemark/kcop/testing/recording-sink.ts'
import { isTidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { decodeChanges } from '../fidelity/decoded-changes.ts'

export type AvroFormatName = 'avro' | 'audit-avro' | 'audit-single-avro' | 'debezium-avro'

export const formatNames: readonly AvroFormatName[] = ['avro', 'audit-avro', 'audit-single-avro', 'debezium-avro']

/** One key or value in Avro. */
export interface WrittenAvro {
  schema: string
  bytes: Buffer
}

export interface WrittenRow {
  table: string
  key: WrittenAvro
  value: WrittenAvro
}

/** What a format makes of the inserts a slot holds. Rows that are refused, since Avro's types cannot tell them, are left out. */
export async function writtenRows(
  client: pg.Client,
  slot: string,
  tables: readonly string[],
  format: AvroFormatName
): Promise<WrittenRow[]> {
  const schemas: string[] = []
  const sink = new RecordingSink()
  const producer = producerOf(sink, tables, format, schemas)
  const written: WrittenRow[] = []
  const avroOf = (bytes: Buffer): WrittenAvro => {
    return { schema: schemas[bytes.readInt32BE(1)]!, bytes: bytes.subarray(5) }
  }
  await client.query('SET search_path = pg_catalog')
  await decodeChanges(client, slot, slot, {
    schema: table => producer.schema(table),
    begin: transaction => producer.begin(transaction),
    operation: operation => {
      try {
        producer.process(operation)
      } catch (error) {
        if (!isTidemarkError(error, 'ROW_UNSUITABLE')) throw error
        return
      }
      const [key, value] = [sink.keys[0]!, sink.values[0]!]
      sink.take()
      written.push({ table: operation.table!.name, key: avroOf(key), value: avroOf(value) })
    },
    commit: () => {},
    idle: () => {}
  })
  await client.query('SET search_path = public, pg_catalog')
  return written
}

function producerOf(
  sink: RecordingSink,
  tables: readonly string[],
  format: AvroFormatName,
  schemas: string[]
): Producer {
  const registry = {
    entry: (subject: string, schema: string) => ({ subject, schema, id: schemas.push(schema) - 1, ready: null })
  }
  const avro = { registry, subjects: 'topic', namespace: 'reference' } as const
  const envelope = {
    prefix: 'reference',
    database: 'reference',
    version: '1',
    decimals: 'precise',
    now: () => 0
  } as const
  return new Producer({
    rules: {
      tables: tables.map(name => tableRule(`public.${name}`, 'reference', { format })),
      outbox: { tables: [], messages: [] }
    },
    sink,
    formats: [avroFormat(avro), ...avroAuditFormats(avro), debeziumAvroFormat({ ...avro, ...envelope })]
  })
}
