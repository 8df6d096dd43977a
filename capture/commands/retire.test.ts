import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connectReplication } from '../postgres/session.ts'
import { useSubscription, whatExists } from './testing/subscription-fixture.ts'

async function applied(t: Parameters<typeof useSubscription>[0]) {
  const fixture = await useSubscription(t)
  await fixture.sql('CREATE TABLE account (id int PRIMARY KEY)')
  fixture.configure('public.account: {refresh: false}')
  const { code, err } = await fixture.tidemark('apply', '--yes')
  assert.equal(code, 0, err)
  return fixture
}

test('retire says what is lost and does nothing without --yes', async t => {
  const fixture = await applied(t)
  const before = await whatExists(fixture)
  const { code, out, err } = await fixture.tidemark('retire')
  assert.equal(code, 2)
  assert.match(out, /replication slot tidemark_\w+: changes not captured so far/)
  assert.match(err, /^USAGE: .*\n {2}cure: add --yes/)
  assert.deepEqual(await whatExists(fixture), before)
})

test('retire drops slot and publication and leaves the topics; then there is nothing to retire', async t => {
  const fixture = await applied(t)
  assert.equal((await fixture.tidemark('retire', '--yes')).code, 0)
  assert.deepEqual(await whatExists(fixture), [`${fixture.name}.commits`, `${fixture.name}.public.account`])
  const again = await fixture.tidemark('retire', '--yes')
  assert.equal(again.code, 0)
  assert.match(again.out, /nothing to retire/)
})

test('retire refuses while an agent holds the slot', async t => {
  const fixture = await applied(t)
  const holder = await connectReplication({ url: fixture.url })
  t.after(() => holder.end())
  const slot = `tidemark_${fixture.name}`
  const copying = new Promise(resolve => {
    ;(holder as unknown as { connection: NodeJS.EventEmitter }).connection.once('replicationStart', resolve)
  })
  void holder
    .query(`START_REPLICATION SLOT ${slot} LOGICAL 0/0 (proto_version '1', publication_names '${slot}')`)
    .catch(() => {})
  await copying
  const { code, err } = await fixture.tidemark('retire', '--yes')
  assert.equal(code, 1)
  assert.match(err, /^SLOT_IN_USE: .* held by pid \d+/)
})
