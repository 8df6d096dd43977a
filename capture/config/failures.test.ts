import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfiguration } from './configuration-file.ts'
import { knownDataTopics } from './configuration.ts'
import { producerRules } from './producer-rules.ts'

function parse(tables: string, more = '') {
  const text = `subscription: bank
postgres: {url: "postgres://u@h/bank"}
kafka: {brokers: ["b:9092"]}
tables:
  public.account: ${tables}
${more}`
  return parseConfiguration(text, 'tidemark.yaml', { variable: () => undefined, file: () => '' })
}

function accepted(tables: string, more?: string) {
  const read = parse(tables, more)
  if ('faults' in read) assert.fail(read.faults.map(fault => fault.format()).join('\n'))
  return read.configuration
}

test('a table that parks has a topic for dead letters, which apply creates', () => {
  const configuration = accepted('{onFailure: park}')
  assert.deepEqual(configuration.deadLetters, { topic: 'bank.dead-letters', readers: null, place: 'tidemark.yaml:1:1' })
  assert.ok(knownDataTopics(configuration).includes('bank.dead-letters'))
  const rules = producerRules(configuration)
  assert.deepEqual([rules.deadLetters, rules.tables[0]!.onFailure], ['bank.dead-letters', 'park'])
  assert.equal(accepted('{onFailure: skip}').deadLetters, null)
  assert.equal(accepted('{}', 'deadLetters: {topic: d}').deadLetters?.topic, 'd')
})

test('outboxes and their messages park and skip as tables do', () => {
  const outbox = (entries: string) => accepted('{}', `outbox: {${entries}}`)
  const configuration = outbox('public.event: {onFailure: park}, message: {orders: {onFailure: skip}}')
  assert.equal(configuration.deadLetters?.topic, 'bank.dead-letters')
  const { tables, messages } = producerRules(configuration).outbox
  assert.deepEqual([tables[0]!.onFailure, messages[0]!.onFailure], ['park', 'skip'])
  assert.equal(outbox('message: {orders: {onFailure: park}}').deadLetters?.topic, 'bank.dead-letters')
  const plain = outbox('public.event: {}, message: [orders]')
  assert.equal(plain.deadLetters, null)
  assert.deepEqual([plain.outbox.tables[0]!.onFailure, plain.outbox.messages[0]!.onFailure], ['stop', 'stop'])
})

test('dead letters have a topic of their own', () => {
  const refused = (tables: string, topic: string) => {
    const read = parse(tables, `deadLetters: {topic: ${topic}}`)
    assert.ok('faults' in read)
    return read.faults.map(fault => `${fault.place} ${fault.message}`).join('; ')
  }
  for (const topic of ['bank.commits', 'bank.public.account', 'bank.more']) {
    const told = refused('{onFailure: park, also: [{topic: "bank.{column.x}"}, {topic: bank.more}]}', topic)
    assert.match(told, /^tidemark\.yaml:6:15 topic .* of `deadLetters` is used for something else/)
  }
  assert.match(refused('{}', '"a b"'), /6:22 the topic name `a b`/)
})

test('nobody may read letters who may not read the rows that are set aside', () => {
  const cure = (restricted: string, letters: string) => {
    const read = parse(`{onFailure: park, restricted: ${restricted}}`, letters)
    return 'faults' in read ? read.faults.map(fault => `${fault.message}; ${fault.cure}`).join(' ') : null
  }
  const one = '{readers: [User:fraud]}'
  assert.match(
    cure(one, '')!,
    /public\.account is restricted and parks .* is not; add `deadLetters: \{restricted: \{readers/
  )
  assert.match(cure(one, 'deadLetters: {restricted: {readers: [User:fraud, User:all]}}')!, /may be read by User:all/)
  assert.match(
    cure('true', 'deadLetters: {restricted: {readers: [User:fraud]}}')!,
    /add `deadLetters: \{restricted: true\}`/
  )
  assert.equal(cure(one, `deadLetters: {restricted: ${one}}`), null)
  assert.equal(cure(one, 'deadLetters: {restricted: true}'), null)
})
