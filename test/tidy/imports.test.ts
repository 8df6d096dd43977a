import assert from 'node:assert/strict'
import { test } from 'node:test'
import { importGraph, importsOf, reachableFrom, resolveImport } from './imports.ts'

const text = `import { spawn } from 'node:child_process'
import pg, { type Client } from 'pg'
import type { Row } from '@tidemark/schemas/row.ts'
import { type Table, type Column } from '../schemas/table.ts'
import {
  one,
  two
} from './numbers.ts'
import './side-effect.ts'
export * from './door.ts'
export type { Reader } from './reader.ts'
const quoted = "import { gone } from './quoted.ts'"
// import { gone } from './commented.ts'
/* import { gone } from './commented-too.ts' */
const late = await import('./late.ts')
`

test('every form of import is seen, with its line and whether it is of types alone', () => {
  const seen = importsOf({ path: 'kafka/file.ts', text }).map(({ path, specifier, typeOnly, line }) => [
    path ?? specifier,
    typeOnly,
    line
  ])
  assert.deepEqual(
    seen.sort((one, other) => Number(one[2]) - Number(other[2])),
    [
      ['node:child_process', false, 1],
      ['pg', false, 2],
      ['schemas/row.ts', true, 3],
      ['schemas/table.ts', true, 4],
      ['kafka/numbers.ts', false, 8],
      ['kafka/side-effect.ts', false, 9],
      ['kafka/door.ts', false, 10],
      ['kafka/reader.ts', true, 11],
      ['kafka/late.ts', false, 15]
    ]
  )
})

test('a package without a path is its index.ts', () => {
  assert.equal(resolveImport('capture/loop.ts', '@tidemark/kcop'), 'kcop/index.ts')
  assert.equal(resolveImport('capture/postgres/slot.ts', '../loop.ts'), 'capture/loop.ts')
  assert.equal(resolveImport('capture/loop.ts', '@node-rs/crc32'), undefined)
})

test('what a file reaches goes over several files and ends at circles', () => {
  const graph = importGraph(
    [
      { path: 'a.ts', text: "import './b.ts'\n" },
      { path: 'b.ts', text: "import './c.ts'\nimport './a.ts'\n" },
      { path: 'c.ts', text: '' },
      { path: 'd.ts', text: '' }
    ],
    'all'
  )
  assert.deepEqual([...reachableFrom(graph, 'a.ts')].sort(), ['a.ts', 'b.ts', 'c.ts'])
})
