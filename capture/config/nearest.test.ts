import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nearest } from './nearest.ts'

const known = ['subscription', 'commitStream', 'tables', 'topics']

test('a slip of the hand is recognised', () => {
  assert.equal(nearest('tabels', known), 'tables')
  assert.equal(nearest('commit_stream', known), 'commitStream')
  assert.equal(nearest('COMMITSTREAM', known), 'commitStream')
  assert.equal(nearest('subcription', known), 'subscription')
})

test('a word of its own is not', () => {
  assert.equal(nearest('colour', known), null)
  assert.equal(nearest('x', known), null)
})
