import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FetchSize } from './fetch-size.ts'

test('few rows are fetched first, then as many as take 4 MiB, whatever their width', () => {
  const size = new FetchSize()
  assert.equal(size.rows, 16)
  for (let round = 0; round < 12; round++) size.saw(size.rows, size.rows * 100)
  assert.equal(size.rows, 5_000)
  size.saw(5_000, 5_000 * 100_000)
  assert.equal(size.rows, 41)
  size.saw(41, 41 * 100_000_000)
  assert.equal(size.rows, 1)
  size.saw(1, 100)
  assert.equal(size.rows, 2)
})
