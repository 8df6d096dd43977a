import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defineTable, insert, ProcessorHarness, transactionOf, update } from '@tidemark/kcop/testing'
import processor from './payments.ts'

const payment = defineTable(
  'public.payment',
  { id: 'integer', till: 'text', amount: 'numeric(10,2)', currency: 'text' },
  { key: ['id'] }
)
const harness = new ProcessorHarness({ processor, prefix: 'shop' })
const first = { id: 1, till: 'a', amount: '12.50', currency: 'CHF' }

test('what each till took comes at the end of the transaction', () => {
  const records = harness.run(
    transactionOf({ id: '757' }, insert(payment, first), insert(payment, { ...first, id: 2, amount: '0.50' }))
  )
  assert.deepEqual(
    records.map(({ topic }) => topic),
    ['shop.public.payment', 'shop.public.payment', 'tills']
  )
  assert.deepEqual(records[2], { topic: 'tills', key: 'a', value: { cents: 1300, transaction: '757' }, headers: {} })
})

test('a correction takes nothing, and nothing is left of the transaction before', () => {
  harness.run(transactionOf({ id: '1' }, insert(payment, first)))
  const records = harness.run(transactionOf({ id: '2' }, update(payment, first, { amount: '13.00' })))
  assert.deepEqual(
    records.map(({ topic }) => topic),
    ['shop.public.payment']
  )
})
