import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import type { PartitionBatch } from '@tidemark/kafka/producer-session.ts'
import {
  insert,
  message,
  remove,
  table,
  transaction,
  truncate,
  UNCHANGED,
  update
} from '@tidemark/kcop/testing/operations.ts'
import type { Operation } from '@tidemark/schemas/operation.ts'
import type { Table } from '@tidemark/schemas/table.ts'
import { NULL_LENGTH, UNCHANGED_LENGTH, type Tuple } from '@tidemark/schemas/tuple.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { Ownership } from './ownership/take-over.ts'
import { owned } from './ownership/testing/owned.ts'
import { Tenure, type OperationProcessor } from './tenure.ts'

const account = table('account', { id: 'int8', owner: 'text' })
const position = (n: number): Buffer => Buffer.from([n])

function ownership(): Ownership {
  const ends = new Map([['bank.commits', 2]])
  const session = {
    produce: (parts: readonly PartitionBatch[]) =>
      Promise.resolve(
        parts.map(({ topic, batch }) => {
          const base = ends.get(topic) ?? 0
          ends.set(topic, base + batch.count)
          return base
        })
      )
  }
  return owned(session)
}

function textsOf(tuple: Tuple | null): unknown {
  if (tuple === null) return null
  return Array.from({ length: tuple.count }, (_, index) => {
    const [start, length] = [tuple.starts[index]!, tuple.lengths[index]!]
    if (length === NULL_LENGTH) return null
    return length === UNCHANGED_LENGTH ? 'unchanged' : tuple.bytes.toString('utf8', start, start + length)
  })
}

/** Everything a processor may read of an operation, as values. */
function outline(operation: Operation): object {
  const { kind, ordinal, oldTuple, newTuple, before, after, beforeIsKeyOnly, truncated, message: content } = operation
  return {
    kind,
    ordinal,
    table: operation.table?.name ?? null,
    old: textsOf(oldTuple),
    new: textsOf(newTuple),
    rows: [before?.only ?? null, before?.table.name ?? null, after?.table.name ?? null],
    beforeIsKeyOnly,
    truncated: truncated.map(({ name }) => name),
    message: content === null ? null : [content.prefix, Buffer.from(content.bytes).toString()]
  }
}

/** A processor that tells its calls, and is ready when told. */
class Recorder implements OperationProcessor {
  readonly calls: unknown[] = []
  readonly waits: { resolve(): void; reject(error: unknown): void }[] = []
  /** Names of tables that have to be waited for. */
  readonly slow = new Set<string>()
  /** Ordinal of an operation that is settled later. */
  late: number | null = null
  wait: Promise<void> | null = null
  private due: Promise<void> | null = null

  schema({ name, version }: Table): void {
    this.calls.push(`schema ${name} ${version}`)
    if (this.slow.has(name)) this.due = new Promise((resolve, reject) => this.waits.push({ resolve, reject }))
  }
  ready(): Promise<void> | null {
    const wait = this.due
    this.due = null
    return wait
  }
  begin(): void {
    this.calls.push('begin')
  }
  process(operation: Operation): void {
    this.calls.push(outline(operation))
    if (operation.ordinal !== this.late) return
    this.late = null
    this.wait = new Promise<void>((resolve, reject) => this.waits.push({ resolve, reject })).then(() => {
      this.wait = null
    })
  }
  commit(): void {
    this.calls.push('commit')
  }
  refreshStart(): void {
    this.calls.push('refreshStart')
  }
  refreshEnd(): void {
    this.calls.push('refreshEnd')
  }
}

function bench() {
  const processor = new Recorder()
  const pressure: boolean[] = []
  const settled: number[] = []
  const tenure = new Tenure({
    ownership: ownership(),
    topics: { find: () => Promise.resolve({ partitions: 1, messageBytesMax: 1_000_000 }) },
    now: () => 1_000,
    schedule: task => void setImmediate(task),
    budgetBytes: 1_000_000,
    batchBytesMax: 500_000,
    refreshing: false,
    processorFor: () => processor,
    onPressure: high => pressure.push(high),
    onSettled: at => settled.push(at[0] ?? -1)
  })
  return { tenure, processor, pressure, settled }
}

/** Hands an operation over as a source does: its bytes are someone else's right after the call. */
function hand(tenure: Tenure, operation: Operation): void {
  tenure.operation(operation)
  operation.newTuple?.bytes.fill(0x7e)
  operation.oldTuple?.bytes.fill(0x7e)
  operation.newTuple?.lengths.fill(99)
}

const operations: (() => Operation)[] = [
  () => insert(account, ['1', 'Ann']),
  () => insert(account, ['', null], { ordinal: 4 }),
  () => update(account, ['1', null], ['2', UNCHANGED], true),
  () => update(account, ['1', 'Ann'], ['1', 'Bob']),
  () => remove(account, ['1', null], true),
  () => truncate(account, table('other', { id: 'int8' })),
  () => message('orders', '{"a":1}')
]

test('what is handed over while a definition is waited for is processed afterwards, whole and in order', async () => {
  const { tenure, processor, pressure, settled } = bench()
  processor.slow.add('account')
  tenure.begin(transaction)
  tenure.schema(account)
  assert.deepEqual(pressure, [true])
  for (const make of operations) hand(tenure, make())
  tenure.commit(position(9))
  tenure.idle(position(10))
  await turn()
  assert.deepEqual(processor.calls, ['begin', 'schema account 1'])
  processor.waits[0]!.resolve()
  await tenure.drain()
  assert.deepEqual(processor.calls.slice(2), [...operations.map(make => outline(make())), 'commit'])
  assert.deepEqual(pressure, [true, false])
  assert.deepEqual([tenure.counters.transactions, tenure.counters.operations], [1, operations.length])
  tenure.heartbeat()
  await tenure.drain()
  assert.equal(settled.at(-1), 10)
})

test('an operation that is settled later holds all that follows, its commit included', async () => {
  const { tenure, processor, pressure, settled } = bench()
  await tenure.drain()
  const before = [...settled]
  processor.late = 3
  tenure.begin(transaction)
  tenure.operation(insert(account, ['1', 'a']))
  const next = { ...insert(account, ['2', 'b']), ordinal: 4 }
  tenure.operation(next)
  tenure.commit(position(9))
  tenure.heartbeat()
  await turn()
  assert.deepEqual([processor.calls.length, pressure, settled], [2, [true], before])
  processor.waits[0]!.resolve()
  await tenure.drain()
  assert.deepEqual(processor.calls.slice(2), [outline(next), 'commit'])
  assert.deepEqual(pressure, [true, false])
})

test('what settling an operation later fails with ends the tenure', async () => {
  const { tenure, processor } = bench()
  processor.late = 3
  tenure.begin(transaction)
  tenure.operation(insert(account, ['1', 'a']))
  processor.waits[0]!.reject(new TidemarkError('PARKED_TOO_MANY', { message: 'too many' }))
  await assert.rejects(tenure.failed, { code: 'PARKED_TOO_MANY' })
})

test('nothing is named of what is held, and a heartbeat does not pass it over', async () => {
  const { tenure, processor, settled } = bench()
  processor.slow.add('account')
  await tenure.drain()
  const before = [...settled]
  tenure.schema(account)
  tenure.begin(transaction)
  tenure.commit(position(9))
  tenure.idle(position(10))
  tenure.heartbeat()
  await turn()
  await turn()
  assert.deepEqual(settled, before)
  processor.waits[0]!.resolve()
  await tenure.drain()
  assert.deepEqual(processor.calls, ['schema account 1', 'begin', 'commit'])
})

test('any order of calls comes through with waits anywhere', async () => {
  const call = fc.constantFrom('schema', 'slow', 'transaction', 'refreshStart', 'release')
  await fc.assert(
    fc.asyncProperty(fc.array(call, { maxLength: 30 }), async calls => {
      const { tenure, processor } = bench()
      processor.slow.add('slow')
      const expected: unknown[] = []
      let version = 1
      for (const name of calls) {
        if (name === 'release') {
          processor.waits.shift()?.resolve()
          await turn()
        } else if (name === 'transaction') {
          const operation = insert(account, [String(version++), 'x'])
          expected.push('begin', outline(operation), 'commit')
          tenure.begin(transaction)
          hand(tenure, operation)
          tenure.commit(position(1))
        } else if (name === 'refreshStart') {
          expected.push('refreshStart')
          tenure.refreshStart(account)
        } else {
          const definition = { ...(name === 'slow' ? { ...account, name: 'slow' } : account), version: version++ }
          expected.push(`schema ${definition.name} ${definition.version}`)
          tenure.schema(definition)
        }
      }
      while (processor.waits.length > 0) {
        processor.waits.shift()!.resolve()
        await turn()
      }
      assert.deepEqual(processor.calls, expected)
    })
  )
})

test('a definition that cannot be made ready ends the tenure, and nothing held is processed', async () => {
  const { tenure, processor } = bench()
  processor.slow.add('account')
  tenure.schema(account)
  tenure.begin(transaction)
  hand(tenure, insert(account, ['1', 'Ann']))
  processor.waits[0]!.reject(new TidemarkError('SCHEMA_INCOMPATIBLE', { message: 'no' }))
  await assert.rejects(tenure.failed, { code: 'SCHEMA_INCOMPATIBLE' })
  await tenure.drain()
  assert.deepEqual(processor.calls, ['schema account 1'])
})

test('what is ready only after the end is not processed any more', async () => {
  const { tenure, processor } = bench()
  processor.slow.add('account')
  tenure.schema(account)
  tenure.begin(transaction)
  tenure.delivery.abandon()
  processor.waits[0]!.resolve()
  await turn()
  assert.deepEqual(processor.calls, ['schema account 1'])
})

test('a source that does not heed the pause is stopped at a bound', async () => {
  const { tenure, processor } = bench()
  processor.slow.add('account')
  tenure.schema(account)
  tenure.begin(transaction)
  const large = insert(account, ['1', 'x'.repeat(4_000_000)])
  for (let count = 0; count < 9; count++) tenure.operation(large)
  await assert.rejects(tenure.failed, { code: 'REGISTRY_UNREACHABLE' })
})

test('what is to be done between transactions waits for the open one', () => {
  const { tenure } = bench()
  const done: string[] = []
  tenure.betweenTransactions(() => done.push('at once'))
  assert.deepEqual(done, ['at once'])
  tenure.begin(transaction)
  tenure.betweenTransactions(() => done.push('after the commit'))
  hand(tenure, insert(account, ['1', 'Ann']))
  assert.deepEqual(done, ['at once'])
  tenure.commit(position(1))
  tenure.begin(transaction)
  tenure.commit(position(2))
  assert.deepEqual(done, ['at once', 'after the commit'])
})
