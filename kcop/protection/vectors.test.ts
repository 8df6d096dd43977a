import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { Producer } from '../producer.ts'
import { allColumns, tableRule, type ColumnProtection } from '../rules.ts'
import { insert, table } from '../testing/operations.ts'
import { RecordingSink } from '../testing/recording-sink.ts'
import { readerKey, secretKey } from './key-files.ts'

interface Vectors {
  keys: Record<string, string>
  fields: { column: string; algorithm: string; text: string; field: string }[]
  tokens: { text: string; token: string }[]
}

const { keys, fields, tokens } = JSON.parse(
  readFileSync(new URL('../../schemas/vectors/protected-fields.json', import.meta.url), 'utf8')
) as Vectors
const customer = table('customer', { key: 'int8', ...Object.fromEntries(fields.map(({ column }) => [column, 'text'])) })

/** The row of the vectors' texts with one protection on all of it, under the vectors' keys and random bytes. */
function written(kind: 'encrypt' | 'deterministic' | 'tokenise'): Record<string, string> {
  const protection: ColumnProtection = { kind, key: 'pii' }
  const columns = { ...allColumns, protected: fields.map(({ column }) => ({ column, protection })) }
  const sink = new RecordingSink()
  const key = {
    name: 'pii',
    readers: [readerKey(keys['publicKey']!, 'pii.pem')],
    secret: secretKey(keys['secret']!, 'pii.key'),
    rotateAfterValues: 1_000,
    rotateAfterMs: 1_000
  }
  const random = { 32: keys['dataKey']!, 8: keys['dataKeyId']! } as Record<number, string>
  const producer = new Producer({
    rules: { tables: [tableRule('public.customer', 'bank', { columns })], outbox: { tables: [], messages: [] } },
    sink,
    keys: new Map([['pii', key]]),
    now: () => 0,
    // The pool of IVs repeats the one of the vectors.
    randomBytes: length => Buffer.from(random[length] ?? keys['iv']!.repeat(length / 12), 'hex')
  })
  producer.process(insert(customer, ['0', ...fields.map(({ text }) => text)]))
  return JSON.parse(sink.take()[0]!.value!) as Record<string, string>
}

test('the agent writes the fields of the published vectors', () => {
  for (const [kind, algorithm] of [
    ['encrypt', 'A256GCM'],
    ['deterministic', 'A256SIV']
  ] as const) {
    const row = written(kind)
    for (const { column, field } of fields.filter(each => each.algorithm === algorithm)) {
      assert.equal(row[column], field, column)
    }
  }
  const row = written('tokenise')
  for (const { text, token } of tokens) assert.equal(row[fields.find(each => each.text === text)!.column], token)
})
