import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MqSubscription } from '../config/configuration.ts'
import { parseSubscription } from '../config/configuration-file.ts'
import { backoutPolicy } from '../mq/backout-policy.ts'
import { failedEvent } from '../mq/failed-event.ts'
import type { QueueAttributes } from '../mq/mqi-connection.ts'
import { mqSourceOptions } from '../mq/mq-options.ts'
import { verbError } from '../mq/reason-codes.ts'
import type { QueueLook } from '../mq/reader-messages.ts'
import { queueFindings } from './queue-findings.ts'

function configured(entry: string): MqSubscription {
  const text = `subscription: s
mq:
  queueManager: QM1
  connection: {channel: C, name: h(1414)}
  queues:
    PAY.IN: {${entry}}
kafka: {brokers: ['127.0.0.1:9092']}
`
  const read = parseSubscription(text, 's.yaml', { variable: () => undefined, file: () => '' })
  assert.ok('configuration' in read && read.configuration.mq !== undefined)
  return read.configuration
}

const well: QueueAttributes = {
  threshold: 3,
  queue: 'PAY.BACKOUT',
  depth: 0,
  messageBytesMax: 4_194_304,
  getInhibited: false,
  shareable: true,
  hardenBackout: true
}

/** What is found of a queue that is as it should be but for `attributes`; severity, code, place and what of each. */
function found(
  attributes: Partial<QueueAttributes>,
  { entry = '', deadLetterQueue = '', ...look }: Given = {}
): string[] {
  const configuration = configured(entry)
  const own = { ...well, ...attributes }
  const queue: QueueLook = {
    queue: 'PAY.IN',
    attributes: own,
    backout: backoutPolicy(configuration.mq.queues[0]!, own, deadLetterQueue),
    fault: null,
    backoutFault: null,
    ...look
  }
  const facts = { type: 'looked' as const, system: 'QM1_x', maxUncommitted: 10_000, queues: [queue] }
  return queueFindings(configuration, facts, mqSourceOptions(configuration).places).map(
    ({ severity, code, place, what, remedy }) => `${severity} ${code} ${place} ${what} -> ${remedy}`
  )
}
type Given = { entry?: string; deadLetterQueue?: string } & Partial<QueueLook>

test('of a queue with a backout queue nothing is found', () => assert.deepEqual(found({}), []))

const cases: [what: string, finding: RegExp, attributes: Partial<QueueAttributes>, given?: Given][] = [
  ['no threshold', /^info MQ_QUEUE_UNSUITABLE s\.yaml:6:5 .*BOTHRESH\(0\)/, { threshold: 0 }],
  ['no backout queue', /^warning .* no BOQNAME.*-> .*`deadLetterQueue: true`/, { queue: '' }],
  ['a threshold that leaves no try alone', /^warning .*BOTHRESH\(1\).*-> .*BOTHRESH\(3\)/, { threshold: 1 }],
  ['itself as backout queue', /^error .*its own backout queue/, { queue: 'PAY.IN' }],
  ['itself as backout queue, after one try', /^error .*its own backout queue/, { queue: 'PAY.IN', threshold: 1 }],
  [
    'a dead-letter queue that is not there',
    /^error .*the queue manager has none -> ALTER QMGR DEADQ/,
    { queue: '' },
    { entry: 'deadLetterQueue: true' }
  ],
  [
    'a dead-letter queue that is never used',
    /^warning .*BOTHRESH\(0\)/,
    { queue: '', threshold: 0 },
    { entry: 'deadLetterQueue: true', deadLetterQueue: 'DEAD' }
  ],
  [
    'no authority to put to the dead-letter queue',
    /^error MQ_AUTHORIZATION s\.yaml:6:5 .*could not be moved: MQOPEN for queue DEAD failed with reason 2035 -> .*\+put/,
    { queue: '' },
    {
      entry: 'deadLetterQueue: true',
      deadLetterQueue: 'DEAD',
      backoutFault: failedEvent(verbError('MQOPEN', 'queue DEAD', 2035))
    }
  ],
  [
    'a queue that is remote',
    /^error MQ_QUEUE_UNSUITABLE s\.yaml:6:5 MQOPEN for queue PAY\.IN .*2045 -> .*local queue/,
    {},
    { attributes: null, backout: null, fault: failedEvent(verbError('MQOPEN', 'queue PAY.IN', 2045)) }
  ]
]
for (const [what, finding, attributes, given] of cases) {
  test(`${what}: one finding, at the queue's entry, with what to do`, () => {
    const findings = found(attributes, given)
    assert.equal(findings.length, 1, findings.join('\n'))
    assert.match(findings[0]!, finding)
  })
}

test('a queue whose dead-letter queue is there and can be put to has nothing found', () => {
  assert.deepEqual(found({ queue: '' }, { entry: 'deadLetterQueue: true', deadLetterQueue: 'DEAD' }), [])
})
