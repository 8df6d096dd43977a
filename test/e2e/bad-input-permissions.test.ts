import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { createAclsV2 } from '@platformatic/kafka'
import { KafkaAdmin } from '@tidemark/kafka/admin.ts'
import { Cluster } from '@tidemark/kafka/cluster.ts'
import { kafkaConnection } from '@tidemark/kafka/connection-options.ts'
import pg from 'pg'
import { startKafka } from '../../services/kafka.ts'
import { makeScratchDirectory } from '../../services/scratch.ts'
import { usePostgres } from '../support/postgres.ts'
import { checkFile, lineOf, marked } from './bad-input-check.ts'

const plainLogin = 'org.apache.kafka.common.security.plain.PlainLoginModule required'

/** A broker that wants a password and, but for `admin`, an ACL for everything. */
const guarded = {
  'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:SASL_PLAINTEXT',
  'sasl.enabled.mechanisms': 'PLAIN',
  'sasl.mechanism.inter.broker.protocol': 'PLAIN',
  'listener.name.plaintext.plain.sasl.jaas.config': `${plainLogin} username="admin" password="a" user_admin="a" user_app="b" user_other="c";`,
  'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
  'super.users': 'User:admin;User:ANONYMOUS'
}

/** Values of the ACL protocol (org.apache.kafka.common.acl and .resource). */
const operationCodes = { Read: 3, Write: 4, Create: 5, Delete: 6, Describe: 8, DescribeConfigs: 10 } as const
const allow = 3

interface Guarded {
  brokers: string[]
  url: string
  admin: KafkaAdmin
  /** Carries out a `kafka-acls.sh --add` that a finding gives as its remedy. */
  carryOut(command: string): Promise<void>
}

async function useGuarded(t: TestContext): Promise<Guarded> {
  const { url } = await (await usePostgres(t)).createDatabase()
  const client = new pg.Client(url)
  await client.connect()
  t.after(() => client.end())
  await client.query(
    'CREATE TABLE customer (id int PRIMARY KEY, name text); ALTER TABLE customer REPLICA IDENTITY FULL'
  )
  const { brokers, stop } = await startKafka({ settings: guarded })
  t.after(() => stop())
  const sasl = { mechanism: 'plain', username: 'admin', password: 'a' } as const
  const cluster = new Cluster(kafkaConnection({ brokers, sasl }))
  t.after(() => cluster.close())
  return { brokers, url, admin: new KafkaAdmin(cluster), carryOut: command => carryOut(cluster, command) }
}

async function carryOut(cluster: Cluster, command: string): Promise<void> {
  assert.match(command, /^kafka-acls\.sh --bootstrap-server \S+ --add /)
  const word = (option: string) => new RegExp(`--${option} (\\S+)`).exec(command)?.[1]
  const topic = word('topic')
  const resource =
    topic !== undefined
      ? ({ resourceType: 2, resourceName: topic } as const)
      : command.includes('--cluster')
        ? ({ resourceType: 4, resourceName: 'kafka-cluster' } as const)
        : ({ resourceType: 5, resourceName: word('transactional-id')! } as const)
  const resourcePatternType = word('resource-pattern-type') === 'prefixed' ? (4 as const) : (3 as const)
  const creations = [...command.matchAll(/--operation (\w+)/g)].map(([, operation]) => ({
    ...resource,
    resourcePatternType,
    principal: word('allow-principal')!,
    host: '*',
    operation: operationCodes[operation as keyof typeof operationCodes],
    permissionType: allow
  }))
  await cluster.anyBroker('granting', connection => createAclsV2.api.async(connection, creations as never))
}

function configuration({ brokers, url }: Guarded, user: string, password: string): string {
  return `subscription: §crm
postgres: {url: '${url}'}
§kafka: {brokers: [${brokers.join(', ')}], sasl: {mechanism: plain, username: ${user}, password: ${password}}}
topics: {partitions: 2, replication: 1}
commitStreamRetention: 30d
tables:
  §public.customer:
    columns: {name: {encrypt: {key: pii, subject: §id}}}
    onFailure: park
    also: [{topic: §crm.also, columns: {name: drop}}]
outbox: {message: {orders: {topic: §crm.orders}}}
monitor: [{name: many, topic: §crm.monitor, count: true, above: 10}]
§deadLetters: {topic: crm.dead}
encryption: {keys: {pii: {publicKey: pii.pub.pem}}}
`
}

test('every topic that is not granted is told at its line, and the commands told are enough', async t => {
  const cluster = await useGuarded(t)
  const directory = makeScratchDirectory('permissions')
  const file = join(directory, 'tidemark.yaml')
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  writeFileSync(join(directory, 'pii.pub.pem'), publicKey.export({ type: 'spki', format: 'pem' }))
  const checked = async (text: string) => {
    writeFileSync(file, text)
    const { errors } = await checkFile(file)
    return errors
  }
  const { text, places } = marked(configuration(cluster, 'app', 'b'))

  // Nothing is granted, and there is nothing yet.
  const before = await checked(text)
  assert.deepEqual(
    before.map(({ code, place }) => `${code} ${lineOf(place)}`),
    places.map(place => `KAFKA_AUTHORIZATION ${place}`)
  )
  assert.match(
    before[0]!.what,
    /^User:app lacks Describe, DescribeConfigs, Read, Delete, Write, Create on topic crm\.commits/
  )
  for (const { remedy } of before) await cluster.carryOut(remedy)
  assert.deepEqual(await checked(text), [])
  assert.deepEqual(await cluster.admin.listTopics(), [])

  // Of a topic that is there the brokers tell what lacks; who lacks one thing is told that.
  await cluster.admin.createTopics([{ name: 'crm.also', partitions: 1, replication: 1 }])
  const mine = marked(configuration(cluster, 'other', 'c'))
  for (const { remedy } of await checked(mine.text)) {
    const less = remedy.endsWith(' crm.also') ? 'Write' : remedy.endsWith(' crm.dead') ? 'Create' : 'none'
    await cluster.carryOut(remedy.replace(` --operation ${less}`, ''))
  }
  const told = (await checked(mine.text)).map(({ place, what }) => `${lineOf(place)} ${what}`)
  assert.deepEqual(told, [
    `${mine.places[4]} User:other lacks Write on topic crm.also`,
    `${mine.places[7]} User:other lacks Create on topic crm.dead`
  ])

  // To see who else may read a restricted topic takes leave of its own.
  const restricted = text.replace('topic: crm.also,', 'topic: crm.also, restricted: {readers: ["User:x"]},')
  const [unseen, ...more] = await checked(restricted)
  assert.deepEqual([unseen?.code, lineOf(unseen!.place), more], ['KAFKA_AUTHORIZATION', '10:12', []])
  await cluster.carryOut(unseen!.remedy)
  const exposed = await checked(restricted)
  assert.deepEqual(
    exposed.map(({ code, place }) => `${code} ${lineOf(place)}`),
    []
  )
})
