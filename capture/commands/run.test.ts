import assert from 'node:assert/strict'
import { test } from 'node:test'
import { until } from '../../test/support/until.ts'
import { useSubscription, whatExists } from './testing/subscription-fixture.ts'

function lastEntry(err: string): Record<string, unknown> {
  return JSON.parse(err.trimEnd().split('\n').at(-1)!) as Record<string, unknown>
}

test('a subscription that was never applied is refused, and nothing is made', async t => {
  const fixture = await useSubscription(t)
  await fixture.sql('CREATE TABLE account (id int PRIMARY KEY)')
  fixture.configure('public.account: {refresh: false}')
  const { code, err } = await fixture.tidemark('run')
  assert.equal(code, 1)
  const { level, cure } = lastEntry(err)
  assert.equal(level, 'error')
  assert.ok(typeof cure === 'string' && cure.length > 0)
  assert.deepEqual(await whatExists(fixture), [])
})

test('run --apply tells in its log what cannot be applied', async t => {
  const fixture = await useSubscription(t)
  fixture.configure('public.account:')
  const { code, out, err } = await fixture.tidemark('run', '--apply')
  assert.equal(code, 1)
  assert.equal(out, '')
  const { event, message, place } = lastEntry(err)
  assert.deepEqual([event, message], ['TABLE_MISSING', 'table public.account does not exist'])
  assert.match(String(place), /tidemark\.yaml:6:3$/)
})

test('run --apply applies, runs, and ends with 0 when it is told to stop', async t => {
  const fixture = await useSubscription(t)
  await fixture.sql('CREATE TABLE account (id int PRIMARY KEY); INSERT INTO account VALUES (1)')
  fixture.configure('public.account:')
  const running = fixture.tidemark('run', '--apply', '--agent', 'tester')
  const statusOf = async () =>
    JSON.parse((await fixture.tidemark('status', '--json')).out) as { owner: string; slot: { condition: string } }
  await until(async () => {
    const { slot, owner } = await statusOf()
    return slot.condition === 'streaming' && owner === 'tester'
  })
  assert.match((await fixture.tidemark('retire', '--yes')).err, /^SLOT_IN_USE/)
  process.emit('SIGTERM')
  const { code, err } = await running
  assert.equal(code, 0, err)
  assert.match(err, /"event":"apply\.step","message":"1 row copied"/)
})
