import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfiguration } from './configuration-file.ts'
import { knownDataTopics } from './configuration.ts'

function parse(rules: string) {
  const text = `subscription: bank
postgres: {url: "postgres://u@h/bank"}
kafka: {brokers: ["b:9092"]}
tables: {public.transfer: {columns: {secret: {hash: {salt: 0123456789abcdef}}}}}
monitor:
${rules}
`
  return parseConfiguration(text, 'tidemark.yaml', { variable: () => undefined, file: () => '' })
}

test('monitor rules are completed, and their topics known', () => {
  const read = parse(
    '  - {name: large, topic: bank.monitor, table: public.transfer, sum: amount, above: 500, per: transaction}'
  )
  assert.ok('configuration' in read)
  assert.deepEqual(read.configuration.monitors, [
    {
      name: 'large',
      topic: 'bank.monitor',
      tables: ['public.transfer'],
      operations: ['insert', 'update'],
      measure: 'sum',
      column: 'amount',
      where: null,
      above: '500',
      below: null,
      equals: null,
      per: 'transaction',
      place: 'tidemark.yaml:6:5',
      places: { topic: 'tidemark.yaml:6:26', column: 'tidemark.yaml:6:69' }
    }
  ])
  assert.deepEqual(knownDataTopics(read.configuration), ['bank.public.transfer', 'bank.monitor'])
})

test('monitor rules that cannot be are refused with place and cure', () => {
  const refused = (rule: string) => {
    const read = parse(`  - {name: a, topic: t, ${rule}}`)
    assert.ok('faults' in read, rule)
    return read.faults.map(fault => `${fault.place?.replace('tidemark.yaml:', '')} ${fault.message}`).join('; ')
  }
  const cases: [string, RegExp][] = [
    ['table: public.transfer, above: 1', /6:5 monitor rule a measures 0 things/],
    ['table: public.transfer, sum: x, count: true, above: 1', /measures 2 things/],
    ['table: public.transfer, sum: x', /has no limit/],
    ['sum: x, above: 1', /names no table/],
    ['table: public.other, count: true, above: 1', /6:32 monitor rule a looks at public.other, which is not captured/],
    ['table: public.transfer, sum: secret, above: 1', /measures column secret of public.transfer, which is protected/],
    ['count: true, above: 1, where: "x ="', /6:55 the condition `x =` is not understood/],
    ['count: true, above: much', /`monitor\[0\].above` is text, not a number/],
    ['topic: bank.commits, count: true, above: 1', /./]
  ]
  for (const [rule, message] of cases) assert.match(refused(rule), message)
})
