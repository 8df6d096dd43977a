import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TableConfiguration } from '../config/configuration.ts'
import type { ColumnFacts, TableFacts } from '../postgres/catalog.ts'
import { tableFindings, type TableContext } from './table-findings.ts'

const column = (name: string, generated: ColumnFacts['generated'] = 'no'): ColumnFacts => ({
  name,
  typeOid: 23,
  modifier: -1,
  generated,
  notNull: true
})

const sound: TableFacts = {
  id: 1,
  schema: 'public',
  name: 'account',
  kind: 'table',
  root: null,
  persistence: 'permanent',
  owner: 'bank',
  owned: true,
  readable: true,
  replicaIdentity: 'default',
  primaryKey: ['id'],
  primaryKeyDeferrable: false,
  identityIndex: [],
  rowSecurity: false,
  columns: [column('id'), column('email'), column('balance')],
  hasChildren: false,
  unlikePartitions: [],
  estimatedRows: 0,
  bytes: 0
}

const configured: TableConfiguration = {
  schema: 'public',
  name: 'account',
  qualifiedName: 'public.account',
  topic: 'bank.public.account',
  format: 'json',
  key: null,
  deletes: 'tombstone',
  columns: { only: null, dropped: [], protected: [] },
  headers: [],
  partition: 'key',
  filter: null,
  readers: null,
  place: 'tidemark.yaml:7:3',
  places: {},
  processor: null,
  onFailure: 'stop',
  refresh: true,
  also: []
}

function found(
  facts: Partial<TableFacts>,
  table: Partial<TableConfiguration> = {},
  server: Partial<TableContext> = {}
): string[] {
  const context = { role: 'tidemark', version: 180_000, closedSchemas: ['closed'], generatedStored: false, ...server }
  return tableFindings({ ...sound, ...facts }, { ...configured, ...table }, context).map(
    ({ severity, code }) => `${severity} ${code}`
  )
}

const cases: [string, Partial<TableFacts>, Partial<TableConfiguration>, ...string[]][] = [
  ['a table with a primary key is sound', {}, {}],
  ['no key at all harms the application', { primaryKey: [] }, {}, 'error TABLE_WITHOUT_KEY'],
  ['a dropped identity index too', { replicaIdentity: 'index' }, {}, 'error TABLE_WITHOUT_KEY'],
  [
    'full identity without a key makes records without one',
    { primaryKey: [], replicaIdentity: 'full' },
    {},
    'warning TABLE_WITHOUT_KEY'
  ],
  ['unless the key is configured', { primaryKey: [], replicaIdentity: 'full' }, { key: ['email'] }],
  ['a configured key outside the identity has no old value', {}, { key: ['email'] }, 'error TABLE_WITHOUT_KEY'],
  [
    'an identity index of other columns hides the primary key',
    { replicaIdentity: 'index', identityIndex: ['email'] },
    {},
    'error TABLE_WITHOUT_KEY'
  ],
  ['a key within that index is sound', { replicaIdentity: 'index', identityIndex: ['email'] }, { key: ['email'] }],
  ['a column the table has not is told where it is named', {}, { key: ['mail'] }],
  ['a view has no changes', { kind: 'view' }, {}, 'error TABLE_UNSUITABLE'],
  ['a temporary table is not in the log', { persistence: 'temporary' }, {}, 'error TABLE_UNSUITABLE'],
  [
    'one partition alone is a warning',
    { kind: 'partition', root: { schema: 'public', name: 'all' } },
    {},
    'warning TABLE_UNSUITABLE'
  ],
  ['heirs are not captured', { hasChildren: true }, {}, 'warning TABLE_UNSUITABLE'],
  ['rows that may not be read cannot be copied', { readable: false }, {}, 'error POSTGRES_PERMISSION'],
  ['they need not be without a first copy', { readable: false, rowSecurity: true }, { refresh: false }],
  ['a schema that may not be used', { schema: 'closed' }, {}, 'error POSTGRES_PERMISSION'],
  [
    'a computed column is a remark',
    { columns: [...sound.columns, column('total', 'stored')] },
    {},
    'info TABLE_UNSUITABLE'
  ]
]

for (const [name, facts, table, ...expected] of cases) {
  test(name, () => assert.deepEqual(found(facts, table), expected))
}

const withTotal: Partial<TableFacts> = { columns: [...sound.columns, column('total', 'stored')] }
const computedKey: Partial<TableFacts> = { ...withTotal, primaryKey: ['id', 'total'] }
const remark = 'info TABLE_UNSUITABLE'

test('a deferrable primary key is no identity: the application would fail; under FULL it is a key', () => {
  assert.deepEqual(found({ primaryKeyDeferrable: true }), ['error TABLE_WITHOUT_KEY'])
  assert.deepEqual(found({ primaryKeyDeferrable: true, replicaIdentity: 'full' }), [])
})

test('a computed column in the identity makes PostgreSQL 18 refuse updates unless it is published', () => {
  for (const facts of [computedKey, { ...withTotal, replicaIdentity: 'full' as const }]) {
    assert.deepEqual(found(facts), ['error TABLE_WITHOUT_KEY', remark])
    assert.deepEqual(found(facts, {}, { generatedStored: true }), [])
  }
})

test('before PostgreSQL 18 a computed column in the key is missing from record keys', () => {
  const server = { version: 170_000 }
  assert.deepEqual(found(computedKey, {}, server), ['error TABLE_WITHOUT_KEY', remark])
  assert.deepEqual(found(computedKey, { key: ['id'] }, server), [remark])
  assert.deepEqual(found({ ...withTotal, replicaIdentity: 'full' }, {}, server), [remark])
})

test('partitions without the identity of their table are named', () => {
  const unlikePartitions = [{ schema: 'public', name: 'y2026' }]
  const kind = 'partitioned' as const
  assert.deepEqual(found({ kind, unlikePartitions, replicaIdentity: 'full' }), ['warning TABLE_UNSUITABLE'])
  assert.deepEqual(found({ kind, unlikePartitions }), ['error TABLE_UNSUITABLE'])
})
