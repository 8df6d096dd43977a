import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkExceptions, checkLength, checkNames, checkOnly, checkReadmes, codeLinesMax } from './file-rules.ts'
import { formatFinding, type SourceFile } from './source-tree.ts'

function fileOf(path: string, lines = 1): SourceFile {
  return { path, text: 'x\n'.repeat(lines) }
}

test('a file of the longest allowed length passes, one line more does not', () => {
  assert.deepEqual(checkLength([fileOf('kafka/a.ts', codeLinesMax)]), [])
  const found = checkLength([fileOf('kafka/a.ts', codeLinesMax + 1)]).map(formatFinding)
  assert.deepEqual(found, ['kafka/a.ts: 401 lines, more than 400: split it by what it does'])
})

test('an exception passes, and is named once it is not needed', () => {
  const exceptions = { 'kafka/a.ts': 'a table' }
  assert.deepEqual(checkLength([fileOf('kafka/a.ts', 500)], exceptions), [])
  assert.deepEqual(checkExceptions([fileOf('kafka/a.ts', 500)], exceptions), [])
  assert.equal(checkExceptions([fileOf('kafka/a.ts', 5)], exceptions).length, 1)
  assert.equal(checkExceptions([], exceptions).length, 1)
})

test('names that say nothing are found, in folders too', () => {
  for (const path of [
    'kafka/utils.ts',
    'kafka/slot-manager.ts',
    'kafka/helpers/a.ts',
    'kafka/types.ts',
    'kafka/Fetcher.ts',
    'kafka/readAll.ts'
  ])
    assert.equal(checkNames([fileOf(path)]).length, 1, path)
  for (const path of [
    'kafka/record-batch.ts',
    'README.md',
    '.oxlintrc.json',
    'capture/postgres/type-codes.test.ts',
    'docs/decisions/0001-title.md'
  ])
    assert.deepEqual(checkNames([fileOf(path)]), [], path)
})

test('a folder without a README is found', () => {
  const readme = { path: 'kafka/README.md', text: '# kafka\n\nIts job.\n\nIts way in.\n' }
  assert.deepEqual(checkReadmes([readme], ['kafka', 'kcop']).map(formatFinding), [
    'kcop/README.md: is missing: ten lines with the job, the way in, the way out'
  ])
  assert.equal(checkReadmes([{ ...readme, text: '# kafka\n' }], ['kafka']).length, 1)
})

test('a test that runs alone is found', () => {
  const text = ['te', "st.only('one', () => {})\ntest('two', () => {})\n"].join('')
  assert.deepEqual(checkOnly([{ path: 'kafka/a.test.ts', text }]).map(formatFinding), [
    'kafka/a.test.ts:1: runs alone: take .only out'
  ])
})
