import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lsnToBytes, parseLsn } from '@tidemark/schemas/position.ts'
import type { StreamState } from '../ownership/stream-state.ts'
import type { SlotState } from '../postgres/slot-state.ts'
import { continuityFindings, type Standing } from './continuity-findings.ts'

const slot = {
  name: 's',
  plugin: 'pgoutput',
  database: 'bank',
  activePid: null,
  confirmedFlushLsn: parseLsn('0/100'),
  walStatus: 'reserved',
  invalidationReason: null
} as SlotState
const stream = { system: '7', timeline: 1, position: lsnToBytes(parseLsn('0/200')), refresh: 'none' } as StreamState
const standing: Standing = {
  slot,
  slotName: 's',
  commitStreamName: 'bank.commits',
  database: 'bank',
  identity: { system: '7', timeline: 1 },
  publicationExists: true,
  stream
}

function found(change: Partial<Standing>): string[] {
  return continuityFindings({ ...standing, ...change }).map(({ severity, code }) => `${severity} ${code}`)
}

const cases: [string, Partial<Standing>, ...string[]][] = [
  ['a slot behind the stream continues it', {}],
  ['nothing at all is a first start', { slot: null, stream: null, publicationExists: false }],
  ['a slot alone is nobody knows whose', { stream: null }, 'error SLOT_UNSUITABLE'],
  ['a slot that is gone', { slot: null }, 'error SLOT_MISSING'],
  ['a slot that was invalidated', { slot: { ...slot, walStatus: 'lost' } }, 'error SLOT_LOST'],
  ['a slot of another database', { slot: { ...slot, database: 'shop' } }, 'error SLOT_UNSUITABLE'],
  ['a slot ahead of the stream', { slot: { ...slot, confirmedFlushLsn: parseLsn('0/300') } }, 'error SLOT_AHEAD'],
  ['another cluster', { identity: { system: '8', timeline: 1 } }, 'error OTHER_SYSTEM'],
  ['another timeline', { identity: { system: '7', timeline: 2 } }, 'error OTHER_TIMELINE'],
  ['a publication that is gone', { publicationExists: false }, 'error PUBLICATION_UNSUITABLE'],
  ['a slot that keeps more than it should', { slot: { ...slot, walStatus: 'extended' } }, 'warning SLOT_LOST'],
  ['a slot about to be lost', { slot: { ...slot, walStatus: 'unreserved' } }, 'error SLOT_LOST'],
  [
    'an interrupted copy of another cluster',
    { identity: { system: '8', timeline: 1 }, stream: { ...stream, refresh: 'wanted' } },
    'error OTHER_SYSTEM'
  ],
  [
    'a copy that was interrupted is made anew, whatever the slot',
    { slot: null, stream: { ...stream, refresh: 'running' } }
  ]
]

for (const [name, change, ...expected] of cases) {
  test(name, () => assert.deepEqual(found(change), expected))
}
