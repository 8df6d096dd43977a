import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'

const root = join(import.meta.dirname, '..', '..')

/** The example of docs/testing-processors.md as files, where `@tidemark/kcop` is found. */
function writeExample(t: TestContext): string {
  mkdirSync(join(root, '.tidemark'), { recursive: true })
  const folder = mkdtempSync(join(root, '.tidemark', 'example-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const text = readFileSync(join(root, 'docs', 'testing-processors.md'), 'utf8')
  const blocks = [...text.matchAll(/^```ts (\S+)\n([\s\S]*?)^```$/gm)]
  assert.deepEqual(
    blocks.map(([, name]) => name),
    ['large-transfers.ts', 'large-transfers.test.ts']
  )
  for (const [, name, code] of blocks) writeFileSync(join(folder, name!), code!)
  return folder
}

/** As a user runs it, not as a part of this run. */
function nodeTest(folder: string, ...options: string[]) {
  const { NODE_TEST_CONTEXT: _, ...environment } = process.env
  return spawnSync(process.execPath, ['--test', '--test-reporter=spec', ...options], {
    cwd: folder,
    encoding: 'utf8',
    env: environment
  })
}

test('the example in docs/testing-processors.md runs as it stands there, and its snapshot holds', t => {
  const folder = writeExample(t)
  const written = nodeTest(folder, '--test-update-snapshots')
  assert.equal(written.status, 0, written.stdout)
  const held = nodeTest(folder)
  assert.equal(held.status, 0, held.stdout)
  assert.match(held.stdout, /pass 2\n/)
  const file = join(folder, 'large-transfers.test.ts.snapshot')
  const snapshot = readFileSync(file, 'utf8')
  assert.match(snapshot, /"amount": "900\.00"/)
  writeFileSync(file, snapshot.replace('900.00', '901.00'))
  assert.equal(nodeTest(folder).status, 1)
})

test('the example compiles', t => {
  const folder = writeExample(t)
  const options = { extends: '../../tsconfig.json', include: ['*.ts'], exclude: [] }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(options))
  const compiler = join(root, 'node_modules', '.bin', 'tsc')
  const { status, stdout } = spawnSync(compiler, ['-p', folder, '--noEmit'], { encoding: 'utf8' })
  assert.equal(status, 0, stdout)
})
