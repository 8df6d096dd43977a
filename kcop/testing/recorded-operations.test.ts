import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { OperationRecorder, type RecordedValues } from '../display/operation-recorder.ts'
import type { GivenTransaction } from './hand-made.ts'
import { at } from './operations.ts'
import {
  defineTable,
  insert,
  message,
  ProcessorHarness,
  recordedTransactions,
  remove,
  transactionOf,
  truncate,
  UNCHANGED,
  update
} from './index.ts'

const whole = defineTable('public.whole', { id: 'bigint', note: 'text' }, { key: ['id'], replicaIdentity: 'full' })
const keyed = defineTable('public.keyed', { id: 'bigint', note: 'text[]', raw: 'bytea' }, { key: ['id'] })
const wider = defineTable('public.keyed', { id: 'bigint', more: 'jsonb' }, { key: ['id'] })

const given: GivenTransaction[] = [
  transactionOf(
    { id: '757', commitTime: '2024-02-29T12:00:00.123Z' },
    insert(whole, { id: 1, note: 'a "quoted"\nline' }),
    update(whole, { id: 1, note: 'a' }, { note: null }),
    update(keyed, { id: 1, note: ['a', null] }, { id: 2 }),
    update(keyed, { id: 2, note: ['b'] }, { note: UNCHANGED, raw: Buffer.from([0, 255]) }),
    remove(keyed, { id: 2 }),
    message('orders', { id: 'x', aggregatetype: 'order', aggregateid: '1', payload: {} })
  ),
  transactionOf({ id: '758' }, truncate(whole, keyed), insert(wider, { id: 3, more: { a: [1] } }))
]

const asTheyAre: RecordedValues = { text: (_table, _index, text) => text, message: (_prefix, content) => content }

/** As `tidemark preview --record` writes it. */
function record(t: TestContext, transactions: readonly GivenTransaction[], values = asTheyAre): string {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-recording-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'operations.jsonl')
  const lines: string[] = []
  const recorder = new OperationRecorder(values, line => void lines.push(line))
  for (const each of transactions) {
    if (each.does !== 'operations') continue
    const commitTime = Date.parse(each.commitTime ?? '2024-01-01T00:00:00Z') * 1000
    recorder.begin({ sourceId: each.id!, commitTime, position: Buffer.alloc(8, 7), kind: 'mirror' })
    for (const operation of each.operations) recorder.operation(operation)
    recorder.commit()
  }
  writeFileSync(file, lines.join(''))
  return file
}

test('where a change stands in the log is kept; a recording of the version before has none', t => {
  const [first] = given as [Extract<GivenTransaction, { does: 'operations' }>]
  const operations = [at(0x16_b374_d848n, first.operations[0]!), first.operations[1]!]
  const file = record(t, [{ ...first, operations }])
  const placesIn = () => {
    const [read] = recordedTransactions(file) as [Extract<GivenTransaction, { does: 'operations' }>]
    return read.operations.map(({ lsnBytes, lsnStart }) => lsnBytes?.readBigUInt64BE(lsnStart) ?? null)
  }
  assert.deepEqual(placesIn(), [0x16_b374_d848n, null])
  const lines = readFileSync(file, 'utf8')
    .replace('"version":2', '"version":1')
    .replace(/"lsn":"[^"]*",?/g, '')
  writeFileSync(file, lines.replaceAll(',}', '}'))
  assert.deepEqual(placesIn(), [null, null])
})

const rules = { tables: { 'public.keyed': { format: 'audit', deletes: 'both' } }, messages: { orders: {} } } as const

test('what was recorded becomes the same records when it is run again', t => {
  const replayed = recordedTransactions(record(t, given))
  const again = new ProcessorHarness(rules).transactions(replayed)
  const first = new ProcessorHarness(rules).transactions(
    given.map(each => ({
      ...each,
      commitTime: '2024-01-01T00:00:00Z',
      ...('id' in each && each.id === '757' ? { commitTime: '2024-02-29T12:00:00.123Z' } : {})
    }))
  )
  assert.deepEqual(again, first)
  assert.ok(again[0]!.records.length > 6)
  assert.deepEqual([replayed.length, again[0]!.id], [2, '757'])
})

test('values that shall not be written down are not', t => {
  const hidden: RecordedValues = {
    text: (table, index, text) => (table.columns[index]!.name === 'note' ? null : text),
    message: () => Buffer.from('{}')
  }
  const replayed = recordedTransactions(
    record(
      t,
      [given[0]!].map(each => ({ ...each })),
      hidden
    )
  )
  const [inserted] = new ProcessorHarness({}).run(replayed)
  assert.deepEqual(inserted!.value, { id: 1, note: null })
})

test('a transaction that stopped the producer has no end, and is run again all the same', t => {
  const file = record(t, given)
  const lines = recordedLines(file)
  writeFileSync(file, lines.slice(0, 4).join('\n'))
  const [only] = recordedTransactions(file)
  assert.equal(only!.does === 'operations' && only!.operations.length, 1)
})

test('what is no recording is refused by file and line, without its content', t => {
  const file = record(t, given)
  const lines = recordedLines(file)
  const cases: [string[], RegExp][] = [
    [['{"a":"secret"}'], /line 1, is not a recording of this version/],
    [[lines[0]!, 'secret'], /line 2, is not JSON/],
    [[lines[0]!, '{"does":"secret"}'], /line 2, is not a line of a recording/],
    [[lines[0]!, '{"does":"truncate","tables":[],"lsn":"secret"}'], /line 2, has a change without its place/],
    [[lines[0]!, lines[3]!], /line 2, has a row of table public\.whole before its definition/]
  ]
  for (const [text, expected] of cases) {
    writeFileSync(file, text.join('\n'))
    assert.throws(
      () => recordedTransactions(file),
      (error: Error) => expected.test(error.message) && !error.message.includes('secret')
    )
  }
  assert.throws(() => recordedTransactions(join(file, 'nothing')), /cannot be read/)
})

function recordedLines(file: string): string[] {
  return readFileSync(file, 'utf8').trim().split('\n')
}
