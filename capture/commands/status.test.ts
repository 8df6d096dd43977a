import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Status } from './status.ts'
import { useSubscription } from './testing/subscription-fixture.ts'

test('a subscription that was never applied is told so', async t => {
  const fixture = await useSubscription(t)
  await fixture.sql('CREATE TABLE account (id int PRIMARY KEY)')
  fixture.configure('public.account: {refresh: false}')
  const { code, out } = await fixture.tidemark('status', '--json')
  assert.equal(code, 1)
  const status = JSON.parse(out) as Status
  assert.deepEqual(
    status.findings.map(finding => [finding.code, finding.remedy]),
    [['STREAM_EMPTY', '`tidemark apply`']]
  )
  assert.equal(status.slot?.condition, 'missing')
})

test('an applied subscription has a position, a slot and no owner yet', async t => {
  const fixture = await useSubscription(t)
  await fixture.sql('CREATE TABLE account (id int PRIMARY KEY)')
  fixture.configure('public.account: {refresh: false}')
  await fixture.tidemark('apply', '--yes')
  const { code, out } = await fixture.tidemark('status', '--json')
  assert.equal(code, 0, out)
  const { position, lagBytes, lagSeconds, slot, stream, ...status } = JSON.parse(out) as Status
  assert.match(position!, /^[0-9A-F]+\/[0-9A-F]+$/)
  assert.ok(lagBytes! >= 0 && lagSeconds! >= 0 && slot!.retainedBytes! > 0)
  assert.deepEqual([slot!.condition, slot!.activePid], ['idle', null])
  const { since, ...extent } = stream!
  assert.ok(since > 1_700_000_000_000)
  const topic = `${fixture.name}.commits`
  assert.deepEqual(extent, { topic, begin: 0, records: 1, oldest: null, retentionSeconds: null })
  assert.deepEqual(status, {
    ok: true,
    subscription: fixture.name,
    sequence: 0,
    epoch: 0,
    owner: null,
    firstCopy: 'done',
    findings: []
  })
  const people = await fixture.tidemark('status')
  assert.match(
    people.out,
    /^subscription +t\w+\nposition +\w+\/\w+ \(sequence 0\)\nlag +.*\nslot +.*idle, keeps .* of WAL\n/
  )
})

test('after a first copy status names who made it', async t => {
  const fixture = await useSubscription(t)
  await fixture.sql('CREATE TABLE account (id int PRIMARY KEY)')
  await fixture.sql('INSERT INTO account VALUES (1)')
  fixture.configure('public.account:')
  const applied = await fixture.tidemark('apply', '--yes')
  assert.equal(applied.code, 0, applied.err)
  const status = JSON.parse((await fixture.tidemark('status', '--json')).out) as Status
  assert.equal(status.firstCopy, 'done')
  assert.match(status.owner!, /\(apply\)$/)
  assert.ok(status.sequence! > 0 && status.epoch! > 0)
})

test('a database that does not answer does not hide the commit stream', async t => {
  const fixture = await useSubscription(t)
  await fixture.sql('CREATE TABLE account (id int PRIMARY KEY)')
  fixture.configure('public.account: {refresh: false}')
  await fixture.tidemark('apply', '--yes')
  fixture.configure('public.account: {refresh: false}', '', 'postgres://anna:hush-hush@127.0.0.1:1/bank')
  const { code, out } = await fixture.tidemark('status', '--json')
  assert.equal(code, 1)
  const status = JSON.parse(out) as Status
  assert.ok(status.findings.some(finding => finding.code === 'POSTGRES_UNREACHABLE'))
  assert.notEqual(status.position, null)
  assert.doesNotMatch(out, /hush-hush/)
})
