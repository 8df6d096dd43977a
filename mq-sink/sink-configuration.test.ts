import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseSink, sinkSecrets } from './sink-configuration.ts'

const references = {
  variable: (name: string) => (name === 'PASSWORD' ? 'correct-horse' : undefined),
  file: () => 'from-a-file'
}

function parsed(text: string) {
  return parseSink(text, 'sink.yaml', references)
}

const mq = `mq:
  queueManager: QM1
  connection: {channel: APP.SVRCONN, name: mq.example.com(1414), user: app, password: '\${PASSWORD}'}
  stateQueue: STATE
`
const kafka = "kafka: {brokers: ['127.0.0.1:9092']}\n"

test('a short file is complete, and its secrets are known', () => {
  const read = parsed(`sink: s\ncommitStream: c\n${kafka}${mq}  queues:\n    OUT:\n`)
  assert.ok('configuration' in read, JSON.stringify(read))
  const { configuration } = read
  assert.deepEqual(
    [configuration.from, configuration.transactions, configuration.unitOfWork.messages],
    ['earliest', 'unit', 1_000]
  )
  assert.deepEqual([configuration.targets[0]!.name, configuration.targets[0]!.correlId], ['OUT', 'key'])
  assert.equal(configuration.connection.queueManager, 'QM1')
  assert.deepEqual(sinkSecrets(configuration), ['correct-horse'])
})

for (const [what, text, fault, place] of [
  [
    'no source',
    `sink: s\n${kafka}${mq}  queues: {OUT: {}}\n`,
    /neither a `commitStream` nor `topics`/,
    'sink.yaml:1:1'
  ],
  [
    'groups of plain topics',
    `sink: s\ntopics: [a]\n${kafka}${mq}  transactions: group\n  queues: {OUT: {}}\n`,
    /needs a commit stream/,
    'sink.yaml:8:17'
  ],
  [
    'two queues for the rest',
    `sink: s\ncommitStream: c\n${kafka}${mq}  queues:\n    A: {}\n    B: {}\n`,
    /both `A` and `B`/,
    'sink.yaml:10:5'
  ],
  [
    'a topic that leads to two queues',
    `sink: s\ncommitStream: c\n${kafka}${mq}  queues:\n    A: {topics: [a]}\n    B: {topics: [a]}\n`,
    /topic a leads to both/,
    'sink.yaml:10:17'
  ],
  [
    'the state among the messages',
    `sink: s\ncommitStream: c\n${kafka}${mq}  queues: {STATE: {}}\n`,
    /one of the queues to put to/,
    'sink.yaml:7:15'
  ],
  [
    'an unknown entry',
    `sink: s\ncommitStream: c\n${kafka}${mq}  queues: {OUT: {corelId: key}}\n`,
    /`mq.queues.OUT.corelId` is not a known entry/,
    'sink.yaml:8:18'
  ],
  [
    'a place that is none',
    `sink: s\ncommitStream: c\nfrom: yesterday\n${kafka}${mq}  queues: {OUT: {}}\n`,
    /`from` is no place/,
    'sink.yaml:3:7'
  ],
  [
    'a name that is no queue',
    `sink: s\ncommitStream: c\n${kafka}${mq}  queues: {'OUT QUEUE': {}}\n`,
    /not the name of a queue/,
    'sink.yaml:8:12'
  ]
] as const) {
  test(`${what}: named with its place`, () => {
    const read = parsed(text)
    assert.ok('faults' in read)
    assert.equal(read.faults.length, 1, read.faults.map(({ message }) => message).join('\n'))
    assert.match(read.faults[0]!.message, fault)
    assert.equal(read.faults[0]!.place, place)
  })
}
