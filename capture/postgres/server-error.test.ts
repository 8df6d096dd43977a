import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { serverError } from './server-error.ts'
import { contextOf, placeOf } from './session.ts'

const context = { place: 'db:5432/bank as tidemark', doing: 'testing' }

function failure(code: string | undefined, message = 'what the server said'): Error {
  return Object.assign(new Error(message), code === undefined ? {} : { code }, { detail: 'Key (ssn)=(123-45)' })
}

const named: [string | undefined, string, string?][] = [
  ['ECONNREFUSED', 'POSTGRES_UNREACHABLE'],
  ['ENOTFOUND', 'POSTGRES_UNREACHABLE'],
  ['ETIMEDOUT', 'POSTGRES_UNREACHABLE'],
  ['EPIPE', 'POSTGRES_UNREACHABLE'],
  [undefined, 'POSTGRES_UNREACHABLE', 'Connection terminated unexpectedly'],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'POSTGRES_UNREACHABLE'],
  ['28P01', 'POSTGRES_AUTHENTICATION'],
  ['28000', 'POSTGRES_AUTHENTICATION'],
  [undefined, 'POSTGRES_AUTHENTICATION', 'SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string'],
  ['42501', 'POSTGRES_PERMISSION'],
  ['42P01', 'TABLE_MISSING'],
  ['55006', 'SLOT_IN_USE'],
  ['57P01', 'POSTGRES_UNREACHABLE'],
  ['57P03', 'POSTGRES_UNREACHABLE'],
  ['08006', 'POSTGRES_UNREACHABLE'],
  ['53100', 'POSTGRES_UNREACHABLE'],
  ['53300', 'POSTGRES_UNREACHABLE'],
  ['53400', 'POSTGRES_SETTING'],
  ['58P01', 'SLOT_LOST'],
  ['XX000', 'POSTGRES_FAILED']
]
for (const [state, code, message] of named) {
  test(`${state ?? message} is ${code}, and says what was done and where`, () => {
    const error = serverError(failure(state, message), context)
    assert.equal(error.code, code)
    assert.match(error.message, /while testing/)
    assert.equal(error.place, context.place)
    assert.notEqual(error.cure, '')
  })
}

test('a statement may give a code another meaning', () => {
  const error = serverError(failure('42704'), context, { 42704: { code: 'SLOT_MISSING', cure: 'look' } })
  assert.deepEqual([error.code, error.cure], ['SLOT_MISSING', 'look'])
})

test('the values a data error quotes are not told', () => {
  for (const state of ['22P02', '23505']) {
    const error = serverError(failure(state, 'invalid input syntax: "123-45"'), context)
    assert.doesNotMatch(JSON.stringify(error) + error.format() + String(error.cause), /123-45/)
  }
})

test('an error of ours passes unchanged', () => {
  const error = new TidemarkError('SLOT_LOST', { message: 'lost' })
  assert.equal(serverError(error, context), error)
})

test('the addresses tried are all told', () => {
  const error = serverError(
    new AggregateError([failure('ECONNREFUSED', 'one'), failure('ECONNREFUSED', 'two')]),
    context
  )
  assert.match(error.message, /one; two/)
})

const places: [string, string][] = [
  ['postgres://me:secret@db:5432/bank?sslmode=require', 'db:5432/bank as me'],
  ['postgresql://db/bank', 'db/bank'],
  ['postgres://me:sec@ret@db/bank', 'db/bank as me'],
  ['postgres://me:sec?ret@db/bank', 'postgres.url'],
  ['postgres://me:secret@/bank?host=/tmp', 'postgres.url'],
  ['me:secret@db', 'postgres.url']
]
test('the place of a URL never has its password', () => {
  for (const [url, place] of places) {
    assert.equal(placeOf(url), place, url)
    assert.doesNotMatch(contextOf(url, 'x').place, /sec/)
  }
})
