import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import pg from 'pg'
import { usePostgres } from '../../test/support/postgres.ts'
import { quoteIdentifier, quoteReplicationLiteral, quoteTable } from './identifier.ts'

const injections = [
  'a"; DROP TABLE x; --',
  '"',
  '""',
  'select',
  'Möwe',
  "a'b",
  'a\\b',
  'a.b',
  ' ',
  '$$',
  'a\nb',
  '%I',
  '?',
  '*'
]

test('quotes are doubled and nothing else changes', () => {
  assert.equal(quoteIdentifier('a"b'), '"a""b"')
  assert.equal(quoteTable({ schema: 'my schema', name: 'x"' }), '"my schema"."x"""')
  assert.equal(quoteReplicationLiteral("a'b\\"), "'a''b\\'")
})

test('what no identifier can be is refused', () => {
  assert.throws(() => quoteIdentifier(''), RangeError)
  assert.throws(() => quoteIdentifier('a\0b'), RangeError)
  assert.throws(() => quoteReplicationLiteral('a\0b'), RangeError)
})

test('a quoted identifier is one token: its only single quotes are at its ends', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), name => {
      if (name.includes('\0')) return
      const quoted = quoteIdentifier(name)
      assert.equal(quoted.slice(1, -1).replaceAll('""', ''), name.replaceAll('"', ''))
      assert.equal(quoted.at(0)! + quoted.at(-1)!, '""')
    })
  )
})

test('the server takes a quoted name for exactly that name', async t => {
  const client = new pg.Client((await usePostgres(t)).url)
  await client.connect()
  t.after(() => client.end())
  for (const name of injections) {
    const { fields } = await client.query(`SELECT 1 AS ${quoteIdentifier(name)}`)
    assert.deepEqual(
      fields.map(field => field.name),
      [name]
    )
  }
})
