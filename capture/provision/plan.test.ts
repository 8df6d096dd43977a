import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TopicDescription } from '@tidemark/kafka/admin.ts'
import { parseConfiguration } from '../config/configuration-file.ts'
import type { StreamState } from '../ownership/stream-state.ts'
import type { TableFacts } from '../postgres/catalog.ts'
import type { PublicationFacts } from '../postgres/inspection.ts'
import type { SlotState } from '../postgres/slot-state.ts'
import type { ClusterFacts } from '../preflight/cluster-facts.ts'
import type { DatabaseFacts } from '../preflight/database-facts.ts'
import { planSteps } from './plan.ts'

function configurationWith(tables: string) {
  const text = `{subscription: bank, postgres: {url: "postgres://u@h/bank"}, kafka: {brokers: [a:1]}, tables: {${tables}}}`
  const read = parseConfiguration(text, 'tidemark.yaml', { variable: () => undefined, file: () => '' })
  assert.ok('configuration' in read)
  return read.configuration
}

const table = { schema: 'public', name: 'account', kind: 'table' } as TableFacts
const publication = {
  name: 'tidemark_bank',
  allTables: false,
  insert: true,
  update: true,
  delete: true,
  truncate: true,
  viaRoot: false,
  schemas: [],
  tables: [{ schema: 'public', name: 'account', columns: null, filter: null }]
} as unknown as PublicationFacts
const topic = { partitions: 1 } as TopicDescription

const nothing = { tables: [table], publication: null, slot: null } as unknown as DatabaseFacts
const allThere = {
  tables: [table],
  publication,
  slot: { name: 'tidemark_bank' } as SlotState
} as unknown as DatabaseFacts

function clusterWith(there: TopicDescription | null, refresh: StreamState['refresh'] | null): ClusterFacts {
  const stream = refresh === null ? null : ({ refresh } as StreamState)
  const dataTopics = new Map([['bank.public.account', there]])
  return {
    commitStream: there,
    dataTopics,
    refusedTopics: [],
    stream,
    extent: null,
    streamFault: null,
    restrictedTopics: []
  }
}

function kinds(tables: string, database: DatabaseFacts, cluster: ClusterFacts): string[] {
  return planSteps(configurationWith(tables), database, cluster).map(step => step.kind)
}

test('a first start makes the publication before the slot, and copies last', () => {
  const steps = kinds('public.account: {}', nothing, clusterWith(null, null))
  assert.deepEqual(steps, ['publication', 'topic', 'topic', 'slot', 'genesis', 'copy'])
})

test('without a table to copy there is no copy', () => {
  const steps = kinds('public.account: {refresh: false}', nothing, clusterWith(topic, null))
  assert.deepEqual(steps, ['publication', 'slot', 'genesis'])
})

test('what was applied needs nothing', () => {
  assert.deepEqual(kinds('public.account: {}', allThere, clusterWith(topic, 'none')), [])
})

for (const refresh of ['wanted', 'running'] as const) {
  test(`a first copy that is ${refresh} begins anew with a slot of its own, and without another genesis`, () => {
    const steps = planSteps(configurationWith('public.account: {}'), allThere, clusterWith(topic, refresh))
    assert.deepEqual(
      steps.map(step => step.kind),
      ['slot', 'copy']
    )
    const [first] = steps
    assert.ok(first?.kind === 'slot' && first.replace)
  })
}

test('the commit stream is wanted with one partition, whatever data topics have', () => {
  const steps = planSteps(configurationWith('public.account: {}'), nothing, clusterWith(null, null))
  const topics = steps.flatMap(step => (step.kind === 'topic' ? [step.topic] : []))
  assert.deepEqual(
    topics.map(({ name, partitions, replication }) => [name, partitions, replication]),
    [
      ['bank.commits', 1, -1],
      ['bank.public.account', 6, -1]
    ]
  )
})
