import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodePosition, encodePosition, originPosition, positionText } from './position.ts'
import { UnitLedger } from './unit-ledger.ts'

const identity = (number: number) => Buffer.alloc(16, number)
const limits = { messages: 3, bytes: 1_000, ms: 100, messagesMax: 10 }

test('a position says what it was made of', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.array(fc.uint8Array({ minLength: 16, maxLength: 16 })), (unit, identities) => {
      const made = { unit, identities: Buffer.concat(identities) }
      assert.deepEqual(decodePosition(encodePosition(made)), made)
    })
  )
})

test('anything else is refused by name', () => {
  for (const bytes of [[], [1], [2, ...Array<number>(8).fill(0)], Array<number>(20).fill(1)]) {
    assert.throws(() => decodePosition(Uint8Array.from(bytes)), { code: 'COMMIT_STREAM_INVALID' })
  }
  assert.equal(positionText(originPosition), 'unit of work 0 (0 messages)')
})

test('a unit names what it got, and what it got before and does not know to be gone', () => {
  const from = encodePosition({ unit: 7, identities: Buffer.concat([identity(1), identity(2)]) })
  const ledger = new UnitLedger(from, limits)
  assert.equal(ledger.take(identity(2), 1, 0), 'named')
  assert.equal(ledger.take(identity(3), 1, 0), 'new')
  const position = decodePosition(ledger.end())
  assert.equal(position.unit, 8)
  assert.deepEqual(position.identities, Buffer.concat([identity(1), identity(2), identity(3)]))
  ledger.committed()
  assert.equal(ledger.isEmpty, true)
  ledger.take(identity(4), 1, 0)
  assert.deepEqual(decodePosition(ledger.end()).identities, Buffer.concat([identity(1), identity(4)]))
  ledger.forgetDoubts()
  assert.deepEqual(decodePosition(ledger.end()).identities, identity(4))
})

test('of two messages alike, both named, both are dropped; a third is new', () => {
  const from = encodePosition({ unit: 1, identities: Buffer.concat([identity(1), identity(1)]) })
  const ledger = new UnitLedger(from, limits)
  assert.deepEqual(
    [1, 2, 3].map(() => ledger.take(identity(1), 1, 0)),
    ['named', 'named', 'new']
  )
})

test('a unit is full by messages, by bytes, by time, or when its transaction is to be alone', () => {
  const ledgerAfter = (work: (ledger: UnitLedger) => void) => {
    const ledger = new UnitLedger(originPosition, limits)
    work(ledger)
    return ledger
  }
  assert.equal(ledgerAfter(() => {}).isFull(1e9), false)
  assert.equal(ledgerAfter(ledger => ledger.take(identity(1), 1, 0)).isFull(99), false)
  assert.equal(ledgerAfter(ledger => ledger.take(identity(1), 1, 0)).isFull(100), true)
  assert.equal(ledgerAfter(ledger => ledger.take(identity(1), 1_000, 0)).isFull(0), true)
  assert.equal(ledgerAfter(ledger => [1, 2, 3].map(number => ledger.take(identity(number), 1, 0))).isFull(0), true)
  assert.equal(ledgerAfter(ledger => ledger.endSoon()).isFull(0), true)
})
