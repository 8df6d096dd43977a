import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { createAclsV2 } from '@platformatic/kafka'
import { Cluster } from '@tidemark/kafka/cluster.ts'
import { kafkaConnection } from '@tidemark/kafka/connection-options.ts'
import { startKafka } from '../../services/kafka.ts'
import { useKafka } from '../../test/support/kafka.ts'
import { parseConfiguration } from '../config/configuration-file.ts'
import type { Configuration } from '../config/configuration.ts'
import { readRestrictedTopics, requireRestricted, restrictedTopicFindings } from './restricted-topics.ts'

function configured(restricted: string, topic = 'bank.secret'): Configuration {
  const text = `subscription: bank
postgres: {url: "postgres://u@h/bank"}
kafka: {brokers: ["b:9092"]}
tables:
  public.customer: {columns: {ssn: drop}, also: [{topic: "${topic}", columns: all, restricted: ${restricted}}]}
`
  const read = parseConfiguration(text, 'tidemark.yaml', { variable: () => undefined, file: () => '' })
  if ('faults' in read) assert.fail(read.faults.map(fault => fault.format()).join('\n'))
  return read.configuration
}

const guarded = {
  'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
  'super.users': 'User:ANONYMOUS'
}

async function guardedCluster(t: TestContext, settings = {}): Promise<Cluster> {
  const kafka = await startKafka({ settings: { ...guarded, ...settings } })
  t.after(() => kafka.stop())
  return clusterAt(t, kafka.brokers)
}

function clusterAt(t: TestContext, brokers: string[]): Cluster {
  const cluster = new Cluster(kafkaConnection({ brokers }))
  t.after(() => cluster.close())
  return cluster
}

interface Acl {
  principal: string
  resource: string
  operation?: 2 | 3 | 4
  pattern?: 3 | 4
}

async function grant(cluster: Cluster, { principal, resource, operation = 3, pattern = 3 }: Acl): Promise<void> {
  const creation = {
    resourceType: 2,
    resourceName: resource,
    resourcePatternType: pattern,
    principal,
    host: '*',
    operation,
    permissionType: 3
  } as const
  await cluster.anyBroker('granting', connection => createAclsV2.api.async(connection, [creation]))
}

async function findings(cluster: Cluster, configuration: Configuration): Promise<string[]> {
  const facts = await readRestrictedTopics(cluster, configuration)
  return restrictedTopicFindings(facts, ['b:9092']).map(
    ({ severity, what, remedy }) => `${severity} ${what} | ${remedy}`
  )
}

test('a topic that only its readers may read is restricted; whoever else may is named with the command', async t => {
  const cluster = await guardedCluster(t)
  const configuration = configured('{readers: ["User:fraud"]}')
  const lacking = [
    'warning User:fraud is to read topic bank.secret and has no ACL for it | kafka-acls.sh --bootstrap-server b:9092 --add --allow-principal User:fraud --operation Read --operation Describe --topic bank.secret'
  ]
  assert.deepEqual(await findings(cluster, configuration), lacking)
  await requireRestricted(cluster, configuration)

  await grant(cluster, { principal: 'User:fraud', resource: 'bank.secret' })
  await grant(cluster, { principal: 'User:tidemark', resource: 'bank.secret', operation: 4 })
  await grant(cluster, { principal: 'User:other', resource: 'bank.public' })
  assert.deepEqual(await findings(cluster, configuration), [])

  await grant(cluster, { principal: 'User:*', resource: 'bank.secret' })
  await grant(cluster, { principal: 'User:app', resource: 'bank.', pattern: 4, operation: 2 })
  await grant(cluster, { principal: 'User:all', resource: '*' })
  const remove = 'kafka-acls.sh --bootstrap-server b:9092 --remove --force'
  assert.deepEqual((await findings(cluster, configuration)).sort(), [
    `error topic bank.secret is restricted, but User:* may read it (Read) | ${remove} --allow-principal 'User:*' --allow-host '*' --operation Read --topic bank.secret --resource-pattern-type literal`,
    `error topic bank.secret is restricted, but User:all may read it (Read) by an ACL on all topics | ${remove} --allow-principal User:all --allow-host '*' --operation Read --topic '*' --resource-pattern-type literal`,
    `error topic bank.secret is restricted, but User:app may read it (All) by an ACL on the prefix bank. | ${remove} --allow-principal User:app --allow-host '*' --operation All --topic bank. --resource-pattern-type prefixed`
  ])
  await assert.rejects(requireRestricted(cluster, configuration), {
    code: 'TOPIC_EXPOSED',
    place: 'tidemark.yaml:5:50'
  })
})

test('brokers that open what has no ACL leave a restricted topic open until it has one', async t => {
  const cluster = await guardedCluster(t, { 'allow.everyone.if.no.acl.found': 'true' })
  const configuration = configured('{readers: ["User:fraud"]}')
  await assert.rejects(requireRestricted(cluster, configuration), {
    code: 'TOPIC_EXPOSED',
    message: /has no ACL, and the brokers open/
  })
  await grant(cluster, { principal: 'User:fraud', resource: 'bank.secret' })
  await requireRestricted(cluster, configuration)
})

test('brokers without an authorizer cannot restrict anything', async t => {
  const { brokers } = await useKafka(t)
  const cluster = clusterAt(t, brokers)
  await assert.rejects(requireRestricted(cluster, configured('true')), {
    code: 'TOPIC_EXPOSED',
    message: /the brokers have no authorizer: everybody may read it/
  })
})
