import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ProcessorHarness, defineTable, insert, lookupTable, remove, transaction, update } from '../testing/index.ts'
import type { GivenTableRule, GivenTransaction } from '../testing/index.ts'
import { allColumns, type ColumnRules, type DerivedColumn, type LookupColumn } from '../rules.ts'

const account = defineTable(
  'public.account',
  { id: 'bigint', name: 'text', limit: 'numeric(12,2)', vip: 'boolean', parent: 'bigint' },
  { key: ['id'], replicaIdentity: 'full' }
)
const order = defineTable(
  'public.order',
  { id: 'bigint', account: 'integer', note: 'text' },
  { key: ['id'], replicaIdentity: 'full' }
)
const first = { id: 1, name: 'Ada', limit: '100.50', vip: true }

function taken(name: string, take: string, more: Partial<LookupColumn> = {}, plain = false): DerivedColumn {
  const lookup = { in: 'accounts', by: 'account', take, whenMissing: 'empty' as const, ...more }
  return { name, from: { lookup }, plain, place: 'tidemark.yaml:7:9' }
}

function columns(...derived: DerivedColumn[]): ColumnRules {
  return { ...allColumns, derived }
}

function shop(rule: GivenTableRule, guarded: readonly string[] | 'all' = [], rows = [first]) {
  const lookups = new Map([['accounts', lookupTable(account, 'id', rows, guarded)]])
  const harness = new ProcessorHarness({ lookups, tables: { 'public.order': rule } })
  const orders = (...given: readonly GivenTransaction[]) =>
    harness.run(...given).flatMap(({ topic, value }) => (topic === 'test.public.order' ? [value] : []))
  return { orders }
}

const o = (id: number, of = 1) => insert(order, { id, account: of, note: 'n' })

test('a value looked up is that of its place in the transaction, in the type of its column', () => {
  const { orders } = shop({
    columns: columns(taken('holder', 'name'), taken('most', 'limit'), taken('vip', 'vip'), {
      ...taken('double', ''),
      from: { expression: 'most * 2' }
    })
  })
  const changed = update(account, first, { name: 'Grace', limit: '7.00' })
  const rows = orders(
    transaction(o(1), changed, o(2)),
    transaction(
      insert(account, { id: 2, name: 'Edsger' }),
      o(3, 2),
      remove(account, { id: 2, name: 'Edsger' }),
      o(4, 2)
    )
  )
  assert.deepEqual(rows, [
    { id: 1, account: 1, note: 'n', holder: 'Ada', most: '100.50', vip: true, double: '201.00' },
    { id: 2, account: 1, note: 'n', holder: 'Grace', most: '7.00', vip: true, double: '14.00' },
    { id: 3, account: 2, note: 'n', holder: 'Edsger', most: null, vip: null, double: null },
    { id: 4, account: 2, note: 'n', holder: null, most: null, vip: null, double: null }
  ])
})

test('a table may look itself up, as it is with the operation', () => {
  const itself = new ProcessorHarness({
    lookups: new Map([['accounts', lookupTable(account, 'id', [first])]]),
    tables: {
      'public.account': {
        columns: { ...allColumns, only: ['id', 'above'], derived: [taken('above', 'name', { by: 'parent' })] }
      }
    }
  })
  const rows = itself.run(
    transaction(insert(account, { id: 3, name: 'own', parent: 3 }), update(account, first, { name: 'new', parent: 1 }))
  )
  assert.deepEqual(
    rows.map(({ value }) => value),
    [
      { id: 3, above: 'own' },
      { id: 1, above: 'new' }
    ]
  )
})

test('a missing row stops, unless it went before the old image that named it', () => {
  const stop = { whenMissing: 'stop' as const }
  const { orders } = shop({ deletes: 'content', columns: columns(taken('holder', 'name', stop)) })
  const old = { id: 1, account: 1, note: 'n' }
  assert.deepEqual(orders(transaction(remove(account, first), remove(order, old))), [
    { id: 1, account: 1, note: 'n', holder: null }
  ])
  assert.throws(() => orders(transaction(o(5, 9))), { code: 'ROW_UNSUITABLE', message: /no row for the account/ })
})

test('what its own table protects is protected here as well, or declared plain', () => {
  const refused = (rule: GivenTableRule, guarded: readonly string[] | 'all' = ['name']) =>
    assert.throws(() => shop(rule, guarded).orders(transaction(o(1))), {
      code: 'CONFIG_INVALID',
      message: /holder would tell of public.account.name/,
      place: 'tidemark.yaml:7:9'
    })
  refused({ columns: columns(taken('holder', 'name')) })
  refused({ columns: columns(taken('holder', 'name')) }, 'all')
  const mask = { column: 'holder', protection: { kind: 'mask', keepLast: 1, character: '*' } } as const
  const masked = shop({ columns: { ...columns(taken('holder', 'name')), protected: [mask] } }, ['name'])
  assert.deepEqual(masked.orders(transaction(o(1))), [{ id: 1, account: 1, note: 'n', holder: '**a' }])
  const plain = shop({ columns: columns(taken('holder', 'name', {}, true)) }, ['name'])
  assert.deepEqual(plain.orders(transaction(o(1))), [{ id: 1, account: 1, note: 'n', holder: 'Ada' }])
  const other = shop({ columns: columns(taken('vip', 'vip')) }, ['name'])
  assert.deepEqual(other.orders(transaction(o(1))), [{ id: 1, account: 1, note: 'n', vip: true }])
})

test('what changes without the row can be no key, place or filter: its old value could not be told', () => {
  const derived = columns(taken('holder', 'name'), { ...taken('initial', ''), from: { expression: 'left(holder, 1)' } })
  const refused = (rule: GivenTableRule, message: RegExp) =>
    assert.throws(() => shop({ columns: derived, ...rule }).orders(transaction(o(1))), {
      code: 'CONFIG_INVALID',
      message
    })
  refused({ key: ['holder', 'id'] }, /holder is looked up in a captured table, so it cannot be part of the key/)
  refused({ key: ['id', 'initial'] }, /initial is looked up .* part of the key/)
  refused({ filter: "initial = 'A'" }, /cannot be filtered by/)
  refused({ topic: 'orders.{column.holder}' }, /cannot choose topic or partition/)
  refused({ partition: { column: 'holder' } }, /cannot choose topic or partition/)
  const { orders } = shop({ columns: derived, filter: "note = 'n'" })
  assert.equal(orders(transaction(o(1))).length, 1)
})

test('keys are compared as text, so only types that have one text for a value are', () => {
  const byNote = shop({ columns: columns(taken('holder', 'name', { by: 'note' })) })
  assert.throws(() => byNote.orders(transaction(o(1))), {
    code: 'LOOKUP_INVALID',
    message: /column note of type text cannot be looked up by the key of public.account, of type int8/,
    place: 'tidemark.yaml:7:9'
  })
})
