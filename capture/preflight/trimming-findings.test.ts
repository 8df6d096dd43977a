import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TopicDescription } from '@tidemark/kafka/admin.ts'
import { parseConfiguration } from '../config/configuration-file.ts'
import type { Configuration } from '../config/configuration.ts'
import type { ClusterFacts } from './cluster-facts.ts'
import { clusterFindings } from './topic-findings.ts'

const dayMs = 86_400_000

function configured(retention: string): Configuration {
  const text = `{subscription: bank, postgres: {url: "postgres://u@h/bank"}, kafka: {brokers: [b:1]}, tables: {public.account: }${retention}}`
  const read = parseConfiguration(text, 'tidemark.yaml', { variable: () => undefined, file: () => '' })
  if ('faults' in read) assert.fail(read.faults.map(fault => fault.format()).join('\n'))
  return read.configuration
}

function described(name: string, retentionMs: number, cleanupPolicy = 'delete'): TopicDescription {
  const configs = {
    cleanupPolicy,
    retentionMs,
    retentionBytes: -1,
    maxMessageBytes: 1_048_588,
    compressionType: 'producer',
    minInSyncReplicas: 1,
    messageTimestampType: 'CreateTime'
  }
  return { name, id: '', partitions: 1, replication: 1, configs }
}

function findings(retention: string, facts: Partial<ClusterFacts>): string[] {
  const cluster: ClusterFacts = {
    commitStream: null,
    dataTopics: new Map(),
    refusedTopics: [],
    stream: null,
    extent: null,
    streamFault: null,
    restrictedTopics: [],
    ...facts
  }
  return clusterFindings(configured(retention), cluster).map(
    ({ severity, what, remedy }) => `${severity} ${what} | ${remedy}`
  )
}

const data = (retentionMs: number) => ({
  dataTopics: new Map([['bank.public.account', described('bank.public.account', retentionMs)]])
})
const alter = 'kafka-configs.sh --bootstrap-server b:1 --alter --entity-type topics --entity-name'

test('a data topic that keeps less than the commit stream is named with both cures', () => {
  assert.deepEqual(findings(', commitStreamRetention: 30d', data(7 * dayMs)), [
    'warning topic bank.public.account removes records after 7 days, the commit stream names them for 30 days: a reader ' +
      `that lags between the two stops with RECORDS_MISSING | ${alter} bank.public.account ` +
      '--add-config retention.ms=2592000000, or `commitStreamRetention: 7d`'
  ])
})

test('a data topic that keeps as much as the commit stream, or for ever, is no warning', () => {
  const remark =
    'info topic bank.public.account removes records after 30 days: a reader that starts later begins behind them | '
  assert.deepEqual(findings(', commitStreamRetention: 30d', data(30 * dayMs)), [remark])
  assert.deepEqual(findings('', data(30 * dayMs)), [remark])
  assert.deepEqual(findings(', commitStreamRetention: 30d', data(-1)), [])
})

test('a commit stream that the broker would shorten or compact itself is an error', () => {
  const stream = (retentionMs: number, policy: string) => ({
    commitStream: described('bank.commits', retentionMs, policy)
  })
  assert.deepEqual(findings(', commitStreamRetention: 30d', stream(dayMs, 'delete')), [
    `error the commit stream bank.commits has retention.ms=86400000: it needs -1 | ${alter} bank.commits --add-config retention.ms=-1`
  ])
  assert.deepEqual(findings('', stream(-1, 'compact')), [
    `error the commit stream bank.commits has cleanup.policy=compact: it needs delete | ${alter} bank.commits --add-config cleanup.policy=delete`
  ])
})

test('a retention below an hour is a warning at its place', () => {
  assert.deepEqual(findings(', commitStreamRetention: 10s', {}), [
    'warning the commit stream keeps 10s: a reader that rests for longer stops with STREAM_TRIMMED, and the agent claims ' +
      'anew every 2s | `commitStreamRetention: 30d`, or what the longest outage of a reader may be'
  ])
  assert.deepEqual(findings(', commitStreamRetention: 1h', {}), [])
})
