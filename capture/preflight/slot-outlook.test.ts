import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ServerFacts } from '../postgres/inspection.ts'
import type { SlotState } from '../postgres/slot-state.ts'
import { slotOutlook } from './slot-outlook.ts'

const slot = {
  name: 's',
  activePid: null,
  walStatus: 'reserved',
  safeWalBytes: null,
  invalidationReason: null
} as SlotState
const server = { idleReplicationSlotTimeoutS: 0 } as ServerFacts
const rates = { walBytesPerSecond: 1000, inactiveSeconds: 1800 }

test('a slot is idle without an agent and streaming with one', () => {
  assert.deepEqual(slotOutlook(slot, server, rates), { condition: 'idle', hoursLeft: null })
  assert.equal(slotOutlook({ ...slot, activePid: 7 }, server, rates).condition, 'streaming')
})

test('a limit of WAL is reached at the rate at which the server writes', () => {
  assert.equal(slotOutlook({ ...slot, safeWalBytes: 7_200_000n }, server, rates).hoursLeft, 2)
  assert.equal(
    slotOutlook({ ...slot, safeWalBytes: 7_200_000n }, server, { ...rates, walBytesPerSecond: null }).hoursLeft,
    null
  )
})

test('an idle limit counts from when the slot was left, and the nearer limit is told', () => {
  const limited = { ...server, idleReplicationSlotTimeoutS: 5400 }
  assert.equal(slotOutlook(slot, limited, rates).hoursLeft, 1)
  assert.equal(slotOutlook({ ...slot, safeWalBytes: 1_800_000n }, limited, rates).hoursLeft, 0.5)
  assert.equal(slotOutlook({ ...slot, activePid: 7 }, limited, rates).hoursLeft, null)
})

test('a limit that is passed leaves no hours, never less', () => {
  assert.equal(slotOutlook({ ...slot, safeWalBytes: -5n, walStatus: 'unreserved' }, server, rates).hoursLeft, 0)
})

test('lost and missing slots are told as such', () => {
  assert.deepEqual(slotOutlook({ ...slot, walStatus: 'lost' }, server, rates), { condition: 'lost', hoursLeft: 0 })
  assert.equal(slotOutlook({ ...slot, invalidationReason: 'idle_timeout' }, server, rates).condition, 'lost')
  assert.equal(slotOutlook(null, server, rates).condition, 'missing')
})
