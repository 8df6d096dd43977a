import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkArrows, checkCircles } from './import-arrows.ts'
import { formatFinding, type SourceFile } from './source-tree.ts'

const dependencies = { kafka: ['@tidemark/schemas', '@node-rs/crc32'], 'tcc-consumer': ['@tidemark/kafka'] }

function arrowsOf(path: string, line: string): string[] {
  return checkArrows([{ path, text: `${line}\n` }], dependencies).map(formatFinding)
}

test('an import along the arrow passes', () => {
  assert.deepEqual(arrowsOf('capture/loop.ts', "import { murmur2 } from '@tidemark/kafka/murmur2.ts'"), [])
  assert.deepEqual(arrowsOf('test/e2e/bank.ts', "import { run } from '../../capture/run.ts'"), [])
})

test('an import against the arrow is found, of types too', () => {
  const found = arrowsOf('tcc-consumer/reader.ts', "import type { Slot } from '@tidemark/capture/slot.ts'")
  assert.deepEqual(found, [
    'tcc-consumer/reader.ts:1: tcc-consumer must not import capture (@tidemark/capture/slot.ts)'
  ])
})

test('a package that reaches into another by a path is found', () => {
  const found = arrowsOf('kafka/fetcher.ts', "import { lsn } from '../schemas/position.ts'")
  assert.deepEqual(found, ['kafka/fetcher.ts:1: reaches into schemas by a path: write @tidemark/schemas/position.ts'])
})

test('only tests may import what is for tests', () => {
  const line = "import { useKafka } from '../test/support/kafka.ts'"
  assert.deepEqual(arrowsOf('kafka/fetcher.test.ts', line), [])
  assert.deepEqual(arrowsOf('kafka/fetcher.ts', line), [
    'kafka/fetcher.ts:1: product code imports what is for tests: ../test/support/kafka.ts'
  ])
})

test('fixtures of a package may import what is for tests, and only tests may import the fixtures', () => {
  assert.deepEqual(arrowsOf('kafka/testing/broker.ts', "import { useKafka } from '../../test/support/kafka.ts'"), [])
  assert.deepEqual(arrowsOf('kafka/fetcher.test.ts', "import { broker } from './testing/broker.ts'"), [])
  const found = arrowsOf('kafka/fetcher.ts', "import { broker } from './testing/broker.ts'")
  assert.deepEqual(found, ['kafka/fetcher.ts:1: product code imports what is for tests: ./testing/broker.ts'])
})

test('a dependency that package.json does not name is found', () => {
  assert.deepEqual(arrowsOf('kafka/batch.ts', "import { crc32c } from '@node-rs/crc32'"), [])
  const found = arrowsOf('kafka/batch.ts', "import { Kafka } from 'kafkajs'")
  assert.deepEqual(found, ['kafka/batch.ts:1: uses kafkajs, which kafka/package.json does not name'])
  assert.deepEqual(arrowsOf('kafka/batch.test.ts', "import { Kafka } from 'kafkajs'"), [])
})

test('a circle is found once, and types make none', () => {
  const files: SourceFile[] = [
    { path: 'kafka/a.ts', text: "import { b } from './b.ts'\n" },
    { path: 'kafka/b.ts', text: "import { c } from './c.ts'\n" },
    { path: 'kafka/c.ts', text: "import { a } from './a.ts'\n" }
  ]
  assert.deepEqual(checkCircles(files).map(formatFinding), [
    'kafka/a.ts: imports itself by way of kafka/b.ts, kafka/c.ts'
  ])
  const typed = files.map(file => ({ ...file, text: file.text.replace('{ a }', '{ type A }') }))
  assert.deepEqual(checkCircles(typed), [])
})
