import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createAclsV2 } from '@platformatic/kafka'
import { startKafka } from '../services/kafka.ts'
import { batchOf, useCluster } from '../test/support/kafka-cluster.ts'
import { until } from '../test/support/until.ts'
import { KafkaAdmin } from './admin.ts'
import { Cluster } from './cluster.ts'
import { kafkaConnection, type KafkaSasl } from './connection-options.ts'
import { ConsumerGroup } from './consumer-group.ts'
import { PartitionFetcher } from './partition-fetcher.ts'
import { ProducerSession } from './producer-session.ts'
import { ClusterProduceWire } from './wire.ts'

const plainLogin = 'org.apache.kafka.common.security.plain.PlainLoginModule required'

/** A broker that wants a password and, but for `admin`, an ACL for everything. */
const guarded = {
  'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:SASL_PLAINTEXT',
  'sasl.enabled.mechanisms': 'PLAIN',
  'sasl.mechanism.inter.broker.protocol': 'PLAIN',
  'listener.name.plaintext.plain.sasl.jaas.config': `${plainLogin} username="admin" password="a" user_admin="a" user_app="b";`,
  'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
  'super.users': 'User:admin;User:ANONYMOUS'
}

test('a broker that refuses a user or an operation is understood, and the ACL that lacks is named', async t => {
  const kafka = await startKafka({ settings: guarded })
  t.after(() => kafka.stop())
  const connect = (sasl?: KafkaSasl): Cluster => {
    const cluster = new Cluster(kafkaConnection({ brokers: kafka.brokers, ...(sasl === undefined ? {} : { sasl }) }))
    t.after(() => cluster.close())
    return cluster
  }
  const user = (username: string, password: string): KafkaSasl => ({ mechanism: 'plain', username, password })
  const admin = connect(user('admin', 'a'))
  await new KafkaAdmin(admin).createTopics([{ name: 'secret', partitions: 1, replication: 1 }])
  const session = await ProducerSession.open(new ClusterProduceWire(admin), 'admin')
  assert.deepEqual(await session.produce([{ topic: 'secret', partition: 0, batch: batchOf('x') }]), [0])

  const wrong = connect(user('admin', 'wrong'))
  await assert.rejects(wrong.topic('secret'), { code: 'KAFKA_AUTHENTICATION', message: /^broker 127\.0\.0\.1:\d+: / })
  await assert.rejects(connect().topic('secret'), { code: 'KAFKA_UNREACHABLE' })

  const app = connect(user('app', 'b'))
  const refused = (operation: string, resource: string) => ({
    code: 'KAFKA_AUTHORIZATION',
    place: resource,
    cure: new RegExp(`ACL ${operation} on ${resource}`)
  })
  await assert.rejects(app.topic('secret'), refused('Describe', 'topic secret'))
  await assert.rejects(new KafkaAdmin(app).describeTopics(['secret']), refused('Describe', 'topic secret'))
  const create = new KafkaAdmin(app).createTopics([{ name: 'mine', partitions: 1, replication: 1 }])
  await assert.rejects(create, refused('Create', 'topic mine'))
  await assert.rejects(PartitionFetcher.of(app).bounds('secret', 0), refused('Describe', 'topic secret'))
  const open = ProducerSession.open(new ClusterProduceWire(app), 'theirs')
  await assert.rejects(open, refused('Describe', 'transactional id theirs'))
  const group = new ConsumerGroup(app, { groupId: 'theirs', topic: 'secret', partition: 0 })
  await assert.rejects(group.acquire(), refused('Describe', 'group theirs'))

  const acl = { resourceType: 2, resourceName: 'secret', resourcePatternType: 3, host: '*', permissionType: 3 } as const
  const describe = { ...acl, principal: 'User:app', operation: 8 } as const
  await admin.anyBroker('granting', connection => createAclsV2.api.async(connection, [describe]))
  await until(() => app.topic('secret'))
  await assert.rejects(new KafkaAdmin(app).deleteRecords('secret', 0, 0), refused('Delete', 'topic secret'))
})

test('TLS to a port that speaks none, and a password for a broker that wants none, are told with their cure', async t => {
  const { kafka } = await useCluster(t)
  const connect = (settings: object): Cluster => {
    const cluster = new Cluster(
      kafkaConnection({ brokers: kafka.brokers, timeouts: { connectMs: 2_000 }, ...settings })
    )
    t.after(() => cluster.close())
    return cluster
  }
  await assert.rejects(connect({ tls: {} }).topic('a'), { code: 'KAFKA_UNREACHABLE', cure: /kafka\.tls/ })
  const sasl = { mechanism: 'plain', username: 'u', password: 'p' }
  await assert.rejects(connect({ sasl }).topic('a'), { code: 'KAFKA_AUTHENTICATION', cure: /kafka\.sasl/ })
})
