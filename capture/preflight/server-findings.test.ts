import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { OpenWriter, RoleFacts, ServerFacts } from '../postgres/inspection.ts'
import { roleFindings, serverFindings, writerFindings } from './server-findings.ts'

const server: ServerFacts = {
  version: 180_004,
  versionText: '18.4',
  walLevel: 'logical',
  inRecovery: false,
  maxReplicationSlots: 10,
  usedReplicationSlots: 1,
  maxWalSenders: 10,
  usedWalSenders: 1,
  walSenderTimeoutMs: 60_000,
  maxSlotWalKeepMb: 50_000,
  idleReplicationSlotTimeoutS: 0,
  synchronizedStandbySlots: '',
  walPosition: null
}
const role: RoleFacts = { name: 'agent', superuser: false, replication: true, createInDatabase: true, database: 'bank' }

function found(facts: Partial<ServerFacts>, slotExists = false): string[] {
  return serverFindings({ ...server, ...facts }, slotExists).map(({ severity, remedy }) => `${severity}: ${remedy}`)
}

test('a server as it should be has no findings', () => assert.deepEqual(found({}), []))

test('each unfit setting comes with the statement that mends it', () => {
  assert.match(found({ walLevel: 'replica' })[0]!, /^error: ALTER SYSTEM SET wal_level = 'logical';/)
  assert.match(found({ usedReplicationSlots: 10 })[0]!, /^error: ALTER SYSTEM SET max_replication_slots = 14;/)
  assert.match(found({ usedWalSenders: 10 })[0]!, /^error: ALTER SYSTEM SET max_wal_senders = 14;/)
  assert.match(found({ maxSlotWalKeepMb: -1 })[0]!, /^warning: ALTER SYSTEM SET max_slot_wal_keep_size/)
  assert.match(found({ walSenderTimeoutMs: 0 })[0]!, /^warning: ALTER SYSTEM SET wal_sender_timeout/)
  assert.match(found({ version: 130_000 })[0]!, /^error: upgrade/)
  assert.match(found({ inRecovery: true })[0]!, /^error: .*primary/)
})

test('a subscription that has its slot needs no free one', () => {
  assert.deepEqual(found({ usedReplicationSlots: 10 }, true), [])
  assert.match(found({ usedWalSenders: 10 }, true)[0]!, /^warning/)
})

test('lookups in captured tables need a slot and a walsender more at each start', () => {
  const copying = (facts: Partial<ServerFacts>, slotExists: boolean) =>
    serverFindings({ ...server, ...facts }, slotExists, true).map(({ what }) => what)
  assert.deepEqual(copying({}, true), [])
  assert.match(copying({ usedReplicationSlots: 10 }, true)[0]!, /lookups .* no replication slot is left/)
  assert.match(copying({ usedReplicationSlots: 9 }, false)[0]!, /lookups .* no replication slot is left/)
  assert.deepEqual(copying({ usedReplicationSlots: 9 }, true), [])
  assert.match(copying({ usedWalSenders: 9 }, true)[0]!, /lookups .* one replication connection is left/)
})

test('a role must replicate, and make the publication unless it is there', () => {
  const lacking = { ...role, replication: false, createInDatabase: false }
  const remedies = (publicationExists: boolean) => roleFindings(lacking, publicationExists).map(({ remedy }) => remedy)
  assert.deepEqual(remedies(true), ['ALTER ROLE "agent" REPLICATION;'])
  assert.match(remedies(false)[1]!, /^GRANT CREATE ON DATABASE "bank" TO "agent";/)
})

test('what a role may do beyond its need is a remark', () => {
  assert.deepEqual(
    [role, { ...role, superuser: true }].flatMap(facts => roleFindings(facts, true)).map(({ severity }) => severity),
    ['info', 'info']
  )
})

test('only transactions open for long, and prepared ones, are worth a warning', () => {
  const writer: OpenWriter = {
    pid: 7,
    prepared: null,
    user: 'app',
    database: 'bank',
    applicationName: 'batch',
    state: 'active',
    ageSeconds: 5
  }
  const old = { ...writer, ageSeconds: 500 }
  const prepared = { ...writer, pid: null, prepared: 'x1' }
  const findings = writerFindings([writer, old, prepared])
  assert.deepEqual(
    findings.map(({ remedy }) => remedy),
    [
      'wait for it, or end it: SELECT pg_terminate_backend(7);',
      'commit or roll it back: COMMIT PREPARED, ROLLBACK PREPARED'
    ]
  )
  assert.match(findings[0]!.what, /pid 7 \(batch, user app\) has been open for 500 s/)
})
