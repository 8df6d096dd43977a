import assert from 'node:assert/strict'
import { test } from 'node:test'
import { useSubscription, whatExists } from './testing/subscription-fixture.ts'

const account = 'CREATE TABLE account (id int PRIMARY KEY, balance int NOT NULL)'

test('plan shows the steps and does none; apply does them; then there is nothing to do', async t => {
  const fixture = await useSubscription(t)
  const { name, tidemark } = fixture
  await fixture.sql(account)
  fixture.configure('public.account: {refresh: false}')

  const planned = await tidemark('plan')
  assert.equal(planned.code, 0, planned.err)
  assert.match(planned.out, /1\. set up publication/)
  assert.match(planned.out, /CREATE PUBLICATION "tidemark_\w+" FOR TABLE "public"\."account"/)
  assert.deepEqual(await whatExists(fixture), [])

  const applied = await tidemark('apply', '--yes')
  assert.equal(applied.code, 0, applied.err)
  assert.deepEqual(await whatExists(fixture), ['publication', 'slot', `${name}.commits`, `${name}.public.account`])

  for (const verb of ['plan', 'apply']) {
    const again = await tidemark(verb)
    assert.equal(again.code, 0, again.err)
    assert.match(again.out, /nothing to do\n$/)
  }
  assert.doesNotMatch((await tidemark('check')).out, /error/)
})

test('the commit stream is made with one partition that is kept for ever', async t => {
  const fixture = await useSubscription(t)
  await fixture.sql(account)
  fixture.configure('public.account: {refresh: false}')
  await fixture.tidemark('apply', '--yes')
  const topics = await fixture.admin.describeTopics([`${fixture.name}.commits`, `${fixture.name}.public.account`])
  const [commits, data] = [...topics.values()]
  assert.equal(commits?.partitions, 1)
  assert.equal(commits?.configs.cleanupPolicy, 'delete')
  assert.equal(commits?.configs.retentionMs, -1)
  assert.equal(data?.partitions, 2)
})

test('present rows are copied by apply, and the copy is done once', async t => {
  const fixture = await useSubscription(t)
  await fixture.sql(account)
  await fixture.sql('INSERT INTO account SELECT n, 100 FROM generate_series(1, 50) n')
  fixture.configure('public.account:')
  const applied = await fixture.tidemark('apply', '--yes')
  assert.equal(applied.code, 0, applied.err)
  assert.match(applied.out, /50 rows copied/)
  assert.match((await fixture.tidemark('apply', '--yes')).out, /nothing to do/)
})

test('with nobody to ask and no --yes nothing is done, and that is wrong use', async t => {
  const fixture = await useSubscription(t)
  await fixture.sql(account)
  fixture.configure('public.account: {refresh: false}')
  const answer = await fixture.tidemark('apply')
  assert.equal(answer.code, 2)
  assert.match(answer.err, /^USAGE: /)
  assert.deepEqual(await whatExists(fixture), [])
})

test('a person who says no is heeded', async t => {
  const fixture = await useSubscription(t)
  await fixture.sql(account)
  fixture.configure('public.account: {refresh: false}')
  const answer = await fixture.tidemarkAsked(false, 'apply')
  assert.deepEqual([answer.code, answer.questions], [1, ['Do it?']])
  assert.deepEqual(await whatExists(fixture), [])
})

test('a table configured later is added to the publication, one taken out is removed', async t => {
  const fixture = await useSubscription(t)
  await fixture.sql(account)
  await fixture.sql('CREATE TABLE branch (id int PRIMARY KEY)')
  fixture.configure('public.account: {refresh: false}')
  await fixture.tidemark('apply', '--yes')
  fixture.configure('public.branch: {refresh: false}')
  const { code, out } = await fixture.tidemark('apply', '--yes', '--json')
  assert.equal(code, 0)
  const { steps } = JSON.parse(out) as { steps: { kind: string; detail: string }[] }
  assert.deepEqual(
    steps.map(step => step.kind),
    ['publication', 'topic']
  )
  assert.match(
    steps[0]!.detail,
    /ADD TABLE "public"\."branch";\nALTER PUBLICATION .* DROP TABLE "public"\."account";\n-- rows that are in an added table/
  )
})

test('with an error among the findings nothing is touched', async t => {
  const fixture = await useSubscription(t)
  await fixture.sql(account)
  fixture.configure('public.account: {refresh: false}\npublic.acount: {}')
  const answer = await fixture.tidemark('apply', '--yes')
  assert.equal(answer.code, 1)
  assert.match(answer.out, /TABLE_MISSING .*public\.acount does not exist\n.*\n.*did you mean public\.account\?/)
  assert.deepEqual(await whatExists(fixture), [])
})

test('a slot that no commit stream names is not taken for one of ours', async t => {
  const fixture = await useSubscription(t)
  await fixture.sql(account)
  await fixture.sql(`SELECT pg_create_logical_replication_slot('tidemark_${fixture.name}', 'pgoutput')`)
  fixture.configure('public.account: {refresh: false}')
  const answer = await fixture.tidemark('apply', '--yes')
  assert.equal(answer.code, 1)
  assert.match(answer.out, /SLOT_UNSUITABLE .*\n.*\n.*SELECT pg_drop_replication_slot\('tidemark_/)
  assert.deepEqual(await whatExists(fixture), ['slot'])
})

test('a slot that is gone while the commit stream holds a position is never made again silently', async t => {
  const fixture = await useSubscription(t)
  await fixture.sql(account)
  fixture.configure('public.account: {refresh: false}')
  await fixture.tidemark('apply', '--yes')
  await fixture.sql(`SELECT pg_drop_replication_slot('tidemark_${fixture.name}')`)
  const answer = await fixture.tidemark('apply', '--yes')
  assert.equal(answer.code, 1)
  assert.match(answer.out, /SLOT_MISSING/)
  assert.match(answer.out, /set another `commitStream`/)
})
