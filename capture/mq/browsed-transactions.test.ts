import assert from 'node:assert/strict'
import { test } from 'node:test'
import { browsedTransactions, type BrowsedMessage } from './browsed-transactions.ts'

const inGroup = 8
const last = 16

function message(body: string, group = '', sequence = 1, flags = group === '' ? 0 : inGroup): BrowsedMessage {
  const descriptor = { groupId: Buffer.from(group.padEnd(24, '\0')), sequence, flags }
  return { descriptor: descriptor as BrowsedMessage['descriptor'], body: Buffer.from(body) }
}

function shown(messages: BrowsedMessage[], unit: 'group' | 'message' | 'batch', batchMessages = 2) {
  const { transactions, incomplete } = browsedTransactions(messages, { unit, batchMessages })
  return [transactions.map(transaction => transaction.map(({ body }) => body.toString()).join(' ')), incomplete]
}

test('groups come whole and in their own order, at the place of their first message', () => {
  const messages = [
    message('b2', 'b', 2, inGroup | last),
    message('alone'),
    message('a1', 'a', 1),
    message('b1', 'b', 1),
    message('alone too'),
    message('a2', 'a', 2, last)
  ]
  assert.deepEqual(shown(messages, 'group'), [['b1 b2', 'alone', 'a1 a2', 'alone too'], 0])
})

test('a group that lacks its last message, or one within, is not shown', () => {
  const open = [message('a1', 'a', 1), message('a2', 'a', 2)]
  const gap = [message('b1', 'b', 1), message('b3', 'b', 3, last)]
  assert.deepEqual(shown([...open, message('alone'), ...gap], 'group'), [['alone'], 4])
})

test('messages, and batches of them, come in the order of the queue', () => {
  const messages = [message('1'), message('2', 'a'), message('3')]
  assert.deepEqual(shown(messages, 'message'), [['1', '2', '3'], 0])
  assert.deepEqual(shown(messages, 'batch'), [['1 2', '3'], 0])
  assert.deepEqual(shown([], 'batch'), [[], 0])
})
