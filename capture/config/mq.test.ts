import assert from 'node:assert/strict'
import { test } from 'node:test'
import { knownDataTopics } from './configuration.ts'
import { parseConfiguration, parseSubscription } from './configuration-file.ts'
import { producerRules } from './producer-rules.ts'
import { secretsOf } from './redaction.ts'

const minimal = `subscription: orders
mq:
  queueManager: QM1
  connection: {channel: APP.SVRCONN, name: mq.example.com(1414), user: app, password: very-secret-1}
  queues:
    ORDERS.IN: {unit: group}
    PAY.IN: {topic: payments, key: $.payment.id, headers: none}
kafka: {brokers: ['127.0.0.1:9092']}
`
const references = { variable: () => undefined, file: () => '' }

function subscriptionOf(text: string) {
  const read = parseSubscription(text, '/etc/tidemark/orders.yaml', references)
  if ('faults' in read) throw new Error(read.faults.map(fault => fault.message).join('; '))
  const { configuration } = read
  assert.ok(configuration.mq !== undefined)
  return configuration
}

function faultsOf(text: string): string[] {
  const read = parseSubscription(text, 'orders.yaml', references)
  return 'faults' in read ? read.faults.map(({ code, message, place }) => `${place} ${code} ${message}`) : []
}

test('a subscription to queues is complete with its defaults', () => {
  const { mq } = subscriptionOf(minimal)
  const [orders, payments] = mq.queues
  assert.deepEqual(
    [orders!.topic, orders!.key, orders!.headers, orders!.unit, orders!.batchMessages],
    ['orders.ORDERS.IN', 'groupId', 'all', 'group', 100]
  )
  assert.deepEqual(
    [payments!.topic, payments!.key, payments!.unit],
    ['payments', { json: ['payment', 'id'] }, 'message']
  )
  assert.deepEqual(mq.unitOfWork, { messages: 4_000, bytes: 16_777_216, ms: 1_000 })
  assert.equal(mq.connection.queueManager, 'QM1')
})

test('more queues than frames of the reader can tell apart are refused', () => {
  const entries = (count: number) => Array.from({ length: count }, (_, index) => `    Q${index}: {}`).join('\n')
  const text = (count: number) => minimal.replace(/ {4}ORDERS.*\n {4}PAY.*/, entries(count))
  assert.deepEqual(faultsOf(text(256)), [])
  assert.deepEqual(faultsOf(text(257)), ['orders.yaml:6:5 CONFIG_INVALID `mq.queues` is not valid'])
})

test('its queues give the topics and the rules of the producer', () => {
  const configuration = subscriptionOf(minimal)
  assert.deepEqual(knownDataTopics(configuration), ['orders.ORDERS.IN', 'payments'])
  assert.deepEqual(
    producerRules(configuration).queues!.map(({ queue, topic }) => [queue, topic]),
    [
      ['ORDERS.IN', 'orders.ORDERS.IN'],
      ['PAY.IN', 'payments']
    ]
  )
})

test('what a queue holds, and where in it the key is, are told the producer', () => {
  const xml = 'content: xml, repeatedElements: [order/line], key: "$.order.line[0].@sku"'
  const configuration = subscriptionOf(minimal.replace('{unit: group}', `{${xml}}`))
  const [orders, payments] = producerRules(configuration).queues!
  assert.deepEqual(
    [orders!.content, orders!.repeatedElements, orders!.key],
    ['xml', ['order/line'], { json: ['order', 'line', 0, '@sku'] }]
  )
  assert.deepEqual([payments!.content, payments!.repeatedElements], ['bytes', []])
})

test('its password is a secret', () => {
  assert.ok(secretsOf(subscriptionOf(minimal)).includes('very-secret-1'))
})

test('what has to do with tables is refused for it', () => {
  const read = parseConfiguration(minimal, 'orders.yaml', references)
  assert.ok('faults' in read)
  assert.equal(read.faults[0]!.code, 'NOT_AVAILABLE')
  assert.match(faultsOf(`${minimal}tables: {public.a: {}}\n`)[0]!, /9:1 CONFIG_INVALID a subscription to queues/)
})

const wrong: [what: string, from: string, to: string, fault: RegExp][] = [
  ['a name that is none of a queue', 'PAY.IN', 'PAY IN', /7:5 CONFIG_INVALID `PAY IN` is not the name of a queue/],
  ['a channel without an address', ', name: mq.example.com(1414)', '', /needs both `channel` and `name`/],
  ['a table beside a channel', 'user: app', 'ccdtUrl: file:///x', /has both `ccdtUrl` and a channel/],
  ['a unit that is none', 'unit: group', 'unit: page', /mq\.queues\["?ORDERS\.IN"?\]|unit/],
  ['a topic that Kafka would refuse', 'topic: payments', 'topic: a b', /topic name `a b`/],
  ['content of no kind', 'unit: group', 'content: csv', /bytes, text, json, xml|content/],
  [
    'repeated elements of JSON',
    'unit: group',
    'content: json, repeatedElements: [a/b]',
    /6:32 CONFIG_INVALID .*XML only/
  ],
  [
    'a repeated element without its root',
    'unit: group',
    'content: xml, repeatedElements: [b]',
    /repeatedElements\[0\]` `b`/
  ],
  ['a key that is none', 'key: $.payment.id', 'key: price', /none, msgId, correlId, groupId|key/]
]
for (const [what, from, to, fault] of wrong) {
  test(`${what} is refused in its place`, () => assert.match(faultsOf(minimal.replace(from, to)).join('\n'), fault))
}
