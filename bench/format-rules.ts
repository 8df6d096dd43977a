import { generateKeyPairSync } from 'node:crypto'
import { configuredFormats } from '../kcop/configured-formats.ts'
import { lookupRows } from '../kcop/enrichment/lookup-file.ts'
import type { LookupTable } from '../kcop/enrichment/lookup-table.ts'
import { readerKey } from '../kcop/protection/key-files.ts'
import type { ProtectionKey } from '../kcop/protection/protection-keys.ts'
import type { ProducerOptions } from '../kcop/producer.ts'
import type { AnnotatedSink } from '../kcop/record-sink.ts'
import { allColumns, alsoRule, tableRule, type DerivedColumn, type OutputRule, type TableRule } from '../kcop/rules.ts'

const table = 'public.order'
const prefix = 'bench'

function rule(given: Partial<TableRule>, ...also: (Partial<OutputRule> & { topic: string })[]): TableRule {
  const own = tableRule(table, prefix, given)
  return { ...own, also: also.map(further => alsoRule(own, further)) }
}

const fourEncrypted = {
  only: null,
  dropped: [],
  protected: ['customer', 'note', 'amount', 'due'].map(column => ({
    column,
    protection: { kind: 'encrypt' as const, key: 'pii' }
  }))
}

const byCustomer = { in: 'names', by: 'customer', take: 'name', whenMissing: 'empty' } as const

function derived(from: DerivedColumn['from']): DerivedColumn {
  return { name: 'made', from, plain: false, place: null }
}

/** What is measured, by name. */
const rules: Readonly<Record<string, () => TableRule>> = {
  json: () => rule({}),
  avro: () => rule({ format: 'avro' }),
  'json+json': () => rule({}, { topic: 'bench.second' }),
  'json+avro': () => rule({}, { topic: 'bench.second', format: 'avro' }),
  'json+columns': () =>
    rule({}, { topic: 'bench.second', columns: { only: ['customer', 'amount'], dropped: [], protected: [] } }),
  'encrypted x4': () => rule({ columns: fourEncrypted }),
  'encrypted by subject': () =>
    rule({
      columns: {
        ...allColumns,
        protected: [{ column: 'note', protection: { kind: 'encrypt-subject', key: 'pii', subject: 'customer' } }]
      }
    }),
  expression: () => rule({ columns: { ...allColumns, derived: [derived({ expression: 'amount * 1.077' })] } }),
  lookup: () => rule({ columns: { ...allColumns, derived: [derived({ lookup: byCustomer })] } })
}

export const ruleNames: readonly string[] = Object.keys(rules)

export function ruleOf(name: string): TableRule {
  const make = rules[name]
  if (make === undefined) throw new Error(`no rule ${name}; there are ${ruleNames.join(', ')}`)
  return make()
}

/** A producer of one rule, with a registry that knows every schema. */
export function rulesBench(of: TableRule, sink: AnnotatedSink): ProducerOptions {
  return {
    rules: { tables: [of], outbox: { tables: [], messages: [] }, subjectKeysTopic: 'bench.subject-keys' },
    sink,
    formats: configuredFormats({
      subscription: 'bench',
      topicPrefix: prefix,
      database: 'bench',
      version: '0',
      decimals: 'precise',
      registry: {
        subjects: 'topic',
        schemas: { entry: (subject, schema) => ({ subject, schema, id: 1, ready: null }) }
      },
      now: Date.now
    }),
    keys: new Map([['pii', readersKey()]]),
    lookups: new Map([['names', names()]])
  }
}

function names(): LookupTable {
  const rows = Array.from({ length: 1_000 }, (_, id) => `customer ${id},name of customer ${id}`)
  const file = { file: 'names.csv', key: 'id', bytesMax: 1_000_000, place: null }
  return lookupRows(['id,name', ...rows].join('\n'), file)
}

function readersKey(): ProtectionKey {
  const { publicKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' }
  })
  const readers = [readerKey(publicKey, 'bench.pub.pem')]
  return { name: 'pii', readers, secret: null, rotateAfterValues: 2 ** 32, rotateAfterMs: 3_600_000 }
}
