import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Operation } from '@tidemark/schemas/operation.ts'
import { insert, remove, table, transaction, truncate, update } from '../testing/operations.ts'
import type { LookupTableRule } from '../rules.ts'
import { FirstImages } from './first-images.ts'
import { FollowedRows } from './followed-rows.ts'
import { FollowedTables } from './followed-tables.ts'

const account = table('account', { id: 'int8', name: 'text', other: 'text' }, { replicaIdentity: 'full' })
const rule: LookupTableRule = {
  name: 'accounts',
  table: 'public.account',
  key: 'id',
  columns: ['name', 'other'],
  bytesMax: 1_000_000,
  guarded: [],
  place: null
}

type Row = [string, string | null, string | null]
/** Rows of the table by key. */
type Contents = ReadonlyMap<string, Row>

const keys = ['1', '2', '3', '4']
const step = fc.record({
  kind: fc.constantFrom('insert', 'update', 'move', 'delete', 'delete', 'truncate' as const),
  key: fc.constantFrom(...keys),
  to: fc.constantFrom(...keys),
  name: fc.option(fc.constantFrom('a', 'b', 'c'))
})
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never

/** What the step does to the table, as the log has it; null: the database would refuse it, or there is nothing to do. */
function done({ kind, key, to, name }: Step, before: Contents): { operation: Operation; after: Contents } | null {
  const after = new Map(before)
  const old = before.get(key)
  if (kind === 'truncate') return { operation: truncate(account), after: new Map() }
  if (kind === 'insert') {
    if (old !== undefined) return null
    const row: Row = [key, name, 'x']
    return { operation: insert(account, row), after: after.set(key, row) }
  }
  if (old === undefined) return null
  after.delete(key)
  if (kind === 'delete') return { operation: remove(account, old), after }
  const target = kind === 'move' ? to : key
  if (target !== key && before.has(target)) return null
  const row: Row = [target, name, old[2]]
  return { operation: update(account, old, row), after: after.set(target, row) }
}

function history(steps: readonly Step[]): { operations: Operation[]; contents: Contents[] } {
  const operations: Operation[] = []
  const contents: Contents[] = [new Map<string, Row>([['1', ['1', 'first', 'x']]])]
  for (const given of steps) {
    const made = done(given, contents.at(-1)!)
    if (made === null) continue
    operations.push(made.operation)
    contents.push(made.after)
  }
  return { operations, contents }
}

function rowsOf(contents: Contents): FollowedRows {
  const rows = new FollowedRows(rule, account)
  for (const [key, name, other] of contents.values()) rows.begin(key, [name, other])
  return rows
}

/** What lookups give for every key; `?` where they refuse. */
function told(rows: FollowedRows): (string | null | undefined)[] {
  return keys.map(key => {
    try {
      return rows.find(key, 0)
    } catch (error) {
      assert.equal((error as { code: string }).code, 'LOOKUP_UNTOLD')
      return '?'
    }
  })
}

const truth = (contents: Contents) => keys.map(key => contents.get(key)?.[1])

test('rows seen later, with what the log tells between, are those of every earlier position and follow from there', () => {
  const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 31)
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), fc.nat(), fc.nat(), fc.nat(), (steps, one, two, three) => {
      const { operations, contents } = history(steps)
      const [from, seen, end] = [one, two, three].map(n => n % contents.length).sort((a, b) => a - b)
      const rows = rowsOf(contents[seen!]!)
      const images = new FirstImages(rule)
      // The log may be read further than the rows were seen.
      for (const operation of operations.slice(from, end)) images.see(operation, account)
      const truncatedAt = operations.slice(from, end).findIndex(({ kind }) => kind === 'truncate')
      images.takeBack(rows)
      let untold = truncatedAt >= 0
      for (let at = from!; ; at++) {
        const known = told(rows)
        truth(contents[at]!).forEach((value, index) => {
          if (known[index] !== '?') assert.equal(known[index], value)
          else assert.ok(untold)
        })
        if (at === operations.length) break
        rows.see(operations[at]!, account)
        if (operations[at]!.kind === 'truncate') untold = false
      }
    }),
    { seed, numRuns: 3_000 }
  )
})

test('keys that were touched before a truncate are told, others are refused rather than guessed', () => {
  const rows = rowsOf(new Map())
  const images = new FirstImages(rule)
  images.see(update(account, ['1', 'a', 'x'], ['1', 'b', 'x']), account)
  images.see(insert(account, ['2', 'c', 'x']), account)
  images.see(truncate(account), account)
  images.see(insert(account, ['3', 'd', 'x']), account)
  images.takeBack(rows)
  assert.deepEqual(told(rows), ['a', undefined, '?', '?'])
  rows.see(truncate(account), account)
  assert.deepEqual(told(rows), [undefined, undefined, undefined, undefined])
})

test('what the log tells of a row must be what is held of it', () => {
  const refused = (operation: Operation, message: RegExp) =>
    assert.throws(() => rowsOf(new Map([['1', ['1', 'a', 'x']]])).see(operation, account), {
      code: 'LOOKUP_UNTOLD',
      message
    })
  refused(insert(account, ['1', 'b', 'x']), /second row of one key/)
  refused(update(account, ['1', 'z', 'x'], ['1', 'b', 'x']), /known otherwise/)
  refused(remove(account, ['2', 'z', 'x']), /not known/)
  refused(update(account, ['1', 'a', 'x'], ['1', 'b', 'x'], true), /without the whole row/)
  const weak = { ...account, replicaIdentity: 'default' as const }
  assert.throws(() => rowsOf(new Map()).see(insert(weak, ['3', 'b', 'x']), weak), { code: 'LOOKUP_UNTOLD' })
})

test('log that tells of two rows of one key is refused: which of them was there cannot be known', () => {
  const refused = (...operations: Operation[]) => {
    const images = new FirstImages(rule)
    for (const operation of operations.slice(0, -1)) images.see(operation, account)
    assert.throws(() => images.see(operations.at(-1)!, account), { code: 'LOOKUP_UNTOLD', message: /not unique/ })
  }
  refused(insert(account, ['1', 'b', 'x']), remove(account, ['1', 'a', 'x']))
  refused(insert(account, ['1', 'b', 'x']), insert(account, ['1', 'c', 'x']))
  refused(remove(account, ['1', 'a', 'x']), remove(account, ['1', 'a', 'x']))
})

test('a table is followed by its id, whatever name it had, and by nothing else', () => {
  const rows = new FollowedRows(rule, account, account.id)
  const tables = new FollowedTables([rows])
  tables.see(insert({ ...account, name: 'was', qualifiedName: 'public.was' }, ['1', 'a', 'x']))
  tables.see(insert({ ...account, id: account.id + 1 }, ['2', 'b', 'x']))
  assert.deepEqual(told(rows), ['a', undefined, undefined, undefined])
})

test('a first copy changes nothing: its rows are there already', () => {
  const rows = rowsOf(new Map([['1', ['1', 'a', 'x']]]))
  rows.see(insert(account, ['1', 'a', 'x'], { transaction: { ...transaction, kind: 'refresh' } }), account)
  assert.deepEqual(told(rows), ['a', undefined, undefined, undefined])
})

test('beyond their memory rows are refused, never left out', () => {
  const tight = { ...rule, bytesMax: 1_000 }
  const rows = new FollowedRows(tight, account)
  rows.begin('1', ['a', 'x'])
  const large = insert(account, ['2', 'x'.repeat(500), 'x'])
  assert.throws(() => rows.see(large, account), {
    code: 'LOOKUP_TOO_LARGE',
    message: /accounts holds of public.account/
  })
  const images = new FirstImages(tight)
  assert.throws(() => images.see(remove(account, ['2', 'x'.repeat(500), 'x']), account), { code: 'LOOKUP_TOO_LARGE' })
})

test('columns whose text hangs on other rows of the catalogue cannot be taken', () => {
  const odd = table('account', { id: 'int8', name: 'box', other: 'text' }, { replicaIdentity: 'full' })
  assert.throws(() => new FollowedRows(rule, odd), { code: 'LOOKUP_INVALID', message: /may change without the row/ })
  assert.throws(() => new FollowedRows({ ...rule, columns: ['nope'] }, account), { code: 'LOOKUP_INVALID' })
})
