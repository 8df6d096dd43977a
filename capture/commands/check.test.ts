import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Finding } from '../finding.ts'
import { useSubscription, whatExists, type SubscriptionFixture } from './testing/subscription-fixture.ts'

async function check(fixture: SubscriptionFixture): Promise<{ code: number; findings: Finding[]; out: string }> {
  const { code, out, err } = await fixture.tidemark('check', '--json')
  assert.equal(err, '')
  return { code, out, findings: (JSON.parse(out) as { findings: Finding[] }).findings }
}

function errorsOf(findings: readonly Finding[]): string[] {
  return findings.filter(({ severity }) => severity === 'error').map(({ code, place }) => `${code} ${lineOf(place)}`)
}

/** A place in the configuration file by line and column alone. */
function lineOf(place: string): string {
  return place.replace(/^.*\/tidemark\.yaml:/, '')
}

function remedyOf(findings: readonly Finding[], code: string, place: string): string {
  const found = findings.find(finding => finding.code === code && lineOf(finding.place) === place)
  assert.ok(found, `no ${code} of ${place} among ${JSON.stringify(findings, null, 1)}`)
  return found.remedy
}

/** A role of its own, which owns nothing. Returns the URL to log in as it. */
async function useRole(fixture: SubscriptionFixture, attributes: string): Promise<{ role: string; url: string }> {
  const role = `role_${fixture.name}`
  await fixture.sql(`CREATE ROLE ${role} LOGIN PASSWORD 'hush-hush' ${attributes}`)
  fixture.atEnd(`DROP OWNED BY ${role}; DROP ROLE ${role}`)
  const url = new URL(fixture.url)
  url.username = role
  url.password = 'hush-hush'
  return { role, url: url.href }
}

test('a sound database has no errors, and check touches nothing', async t => {
  const fixture = await useSubscription(t)
  await fixture.sql('CREATE TABLE account (id int PRIMARY KEY)')
  fixture.configure('public.account:')
  const { code, findings } = await check(fixture)
  assert.deepEqual([code, errorsOf(findings)], [0, []])
  assert.deepEqual(await whatExists(fixture), [])
})

test('all that is wrong with tables is told at once, with the SQL that mends it', async t => {
  const fixture = await useSubscription(t)
  await fixture.sql(`
    CREATE TABLE account (id int PRIMARY KEY);
    CREATE TABLE keyless (note text);
    CREATE TABLE silent (id int PRIMARY KEY); ALTER TABLE silent REPLICA IDENTITY NOTHING;
    CREATE UNLOGGED TABLE fleeting (id int PRIMARY KEY);
    CREATE VIEW seen AS SELECT 1 AS id;
    CREATE TABLE customer (id int PRIMARY KEY, name text NOT NULL);
    CREATE TABLE letterbox (id uuid PRIMARY KEY, aggregatetype text, aggregateid text);`)
  const tables = [
    'public.acount:',
    'public.keyless:',
    'public.silent:',
    'public.fleeting:',
    'public.seen:',
    'public.customer: {key: [name, idd]}'
  ]
  fixture.configure(tables.join('\n'), 'outbox: {public.letterbox: {}}')
  const { code, findings } = await check(fixture)
  assert.equal(code, 1)
  assert.deepEqual(errorsOf(findings), [
    'TABLE_WITHOUT_KEY public.keyless',
    'TABLE_WITHOUT_KEY public.silent',
    'TABLE_UNSUITABLE public.fleeting',
    'TABLE_UNSUITABLE public.seen',
    'TABLE_WITHOUT_KEY public.customer',
    'TABLE_MISSING 6:3',
    'COLUMN_UNKNOWN 11:33',
    'COLUMN_UNKNOWN 12:10'
  ])
  assert.equal(remedyOf(findings, 'TABLE_MISSING', '6:3'), 'did you mean public.account?')
  assert.match(
    remedyOf(findings, 'TABLE_WITHOUT_KEY', 'public.keyless'),
    /^ALTER TABLE "public"\."keyless" ADD PRIMARY KEY/
  )
  assert.equal(
    remedyOf(findings, 'TABLE_WITHOUT_KEY', 'public.silent'),
    'ALTER TABLE "public"."silent" REPLICA IDENTITY DEFAULT;'
  )
  assert.equal(remedyOf(findings, 'TABLE_UNSUITABLE', 'public.fleeting'), 'ALTER TABLE "public"."fleeting" SET LOGGED;')
  assert.match(remedyOf(findings, 'COLUMN_UNKNOWN', '11:33'), /did you mean `id`\?/)
  assert.match(remedyOf(findings, 'COLUMN_UNKNOWN', '12:10'), /use one of: id, aggregatetype, aggregateid/)
})

test('the SQL given as remedies mends what was found', async t => {
  const fixture = await useSubscription(t)
  await fixture.sql(`
    CREATE TABLE silent (id int PRIMARY KEY); ALTER TABLE silent REPLICA IDENTITY NOTHING;
    CREATE UNLOGGED TABLE fleeting (id int PRIMARY KEY);
    CREATE TABLE customer (id int PRIMARY KEY, name text NOT NULL);`)
  fixture.configure('public.silent:\npublic.fleeting:\npublic.customer: {key: [name]}')
  const before = await check(fixture)
  assert.equal(errorsOf(before.findings).length, 3)
  for (const { severity, remedy } of before.findings) if (severity === 'error') await fixture.sql(remedy)
  assert.deepEqual(errorsOf((await check(fixture)).findings), [])
})

test('a role that lacks everything is told what to be granted, and the grants are enough', async t => {
  const fixture = await useSubscription(t)
  await fixture.sql(`
    CREATE SCHEMA ledger;
    CREATE TABLE ledger.entry (id int PRIMARY KEY);
    CREATE TABLE account (id int PRIMARY KEY);
    ALTER TABLE account ENABLE ROW LEVEL SECURITY;`)
  const { role, url } = await useRole(fixture, '')
  fixture.configure('ledger.entry:\npublic.account:', '', url)
  const { findings, out } = await check(fixture)
  assert.deepEqual(errorsOf(findings), [
    `POSTGRES_PERMISSION role ${role}`,
    `POSTGRES_PERMISSION role ${role}`,
    'POSTGRES_PERMISSION ledger.entry',
    'POSTGRES_PERMISSION ledger.entry',
    'POSTGRES_PERMISSION public.account',
    'POSTGRES_PERMISSION public.account',
    `POSTGRES_PERMISSION ${new URL(url).pathname.slice(1)}`
  ])
  assert.doesNotMatch(out, /hush-hush/)
  for (const { severity, remedy } of findings) {
    if (severity === 'error') await fixture.sql(remedy.replace('as their owner: ', ''))
  }
  const after = await check(fixture)
  // The publication was made by the superuser: it is as wished, so the role need not own it.
  assert.deepEqual(errorsOf(after.findings), [])
})

test('a wrong password, a missing database and a closed port are each one finding, without the password', async t => {
  const fixture = await useSubscription(t)
  const { url } = await useRole(fixture, '')
  const cases: [string, (url: URL) => void][] = [
    ['POSTGRES_AUTHENTICATION', at => (at.password = 'not-this-word')],
    ['POSTGRES_UNREACHABLE', at => (at.pathname = '/nowhere')],
    ['POSTGRES_UNREACHABLE', at => (at.port = '1')]
  ]
  for (const [code, change] of cases) {
    const at = new URL(url)
    change(at)
    fixture.configure('public.account:', '', at.href)
    const { findings, out } = await check(fixture)
    assert.deepEqual(
      findings.filter(finding => finding.severity === 'error').map(finding => finding.code),
      [code]
    )
    assert.doesNotMatch(out, /hush-hush|not-this-word/)
  }
})

test('a broker that does not answer does not hide what is wrong with a table', async t => {
  const fixture = await useSubscription(t)
  fixture.brokers.splice(0, fixture.brokers.length, '127.0.0.1:1')
  fixture.configure('public.account:')
  assert.deepEqual(
    (await check(fixture)).findings.filter(({ severity }) => severity === 'error').map(({ code }) => code),
    ['KAFKA_UNREACHABLE', 'TABLE_MISSING']
  )
})

test('a commit stream with settings that would lose or disorder it is refused', async t => {
  const fixture = await useSubscription(t)
  await fixture.sql('CREATE TABLE account (id int PRIMARY KEY)')
  fixture.configure('public.account:')
  const name = `${fixture.name}.commits`
  await fixture.admin.createTopics([
    { name, partitions: 3, replication: 1, configs: { 'cleanup.policy': 'compact', 'retention.ms': '1000' } }
  ])
  const { code, findings } = await check(fixture)
  assert.equal(code, 1)
  const found = findings.filter(finding => finding.place === name && finding.severity === 'error')
  assert.equal(found.length, 3)
  assert.match(found[1]!.remedy, /kafka-configs\.sh .*--entity-name \S+\.commits --add-config cleanup\.policy=delete$/)
  assert.match(found[2]!.remedy, /retention\.ms=-1$/)
})

test('topics that the cluster would not create so are told before apply', async t => {
  const fixture = await useSubscription(t)
  await fixture.sql('CREATE TABLE account (id int PRIMARY KEY)')
  fixture.replication = 3
  fixture.configure('public.account: {topic: bank.a_b}', `outbox: {public.account_outbox: {topic: bank.a.b}}`)
  await fixture.sql(
    'CREATE TABLE account_outbox (id uuid PRIMARY KEY, aggregatetype text, aggregateid text, payload text)'
  )
  const { findings } = await check(fixture)
  assert.deepEqual(errorsOf(findings).sort(), [
    'TOPIC_UNSUITABLE bank.a.b',
    'TOPIC_UNSUITABLE bank.a.b',
    'TOPIC_UNSUITABLE bank.a_b',
    `TOPIC_UNSUITABLE ${fixture.name}.commits`
  ])
})

test('a compacted data topic is a warning', async t => {
  const fixture = await useSubscription(t)
  await fixture.sql('CREATE TABLE account (id int PRIMARY KEY)')
  fixture.configure('public.account:')
  const name = `${fixture.name}.public.account`
  await fixture.admin.createTopics([{ name, partitions: 1, replication: 1, configs: { 'cleanup.policy': 'compact' } }])
  const { code, findings } = await check(fixture)
  assert.equal(code, 0)
  assert.match(remedyOf(findings, 'TOPIC_UNSUITABLE', name), /allowIncomplete/)
})

test('a processor that cannot be loaded is told with its file', async t => {
  const fixture = await useSubscription(t)
  await fixture.sql('CREATE TABLE account (id int PRIMARY KEY)')
  fixture.configure('public.account: {processor: ./nowhere.ts}')
  const { code, findings } = await check(fixture)
  assert.equal(code, 1)
  assert.equal(findings[0]!.code, 'PROCESSOR_INVALID')
  assert.match(findings[0]!.place, /\/nowhere\.ts$/)
})
