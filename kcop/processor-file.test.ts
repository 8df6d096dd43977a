import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { isTidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { loadProcessor, loadProcessors } from './processor-file.ts'
import { tableRule } from './rules.ts'

async function fileWith(t: TestContext, text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-processor-'))
  t.after(() => rm(folder, { recursive: true }))
  const file = join(folder, 'processor.ts')
  await writeFile(file, text)
  return file
}

test('a TypeScript file that exports a processor is loaded, once for all its tables', async t => {
  const file = await fileWith(t, `const name: string = 'mine'\nexport default { name, process(): void {} }\n`)
  const tables = ['public.a', 'public.b'].map(name => tableRule(name, 'bank', { processor: file }))
  const processors = await loadProcessors({ tables, outbox: { tables: [], messages: [] } })
  assert.deepEqual([...processors.keys()], [file])
  assert.equal(processors.get(file)!.name, 'mine')
})

test('functions of its own are no hooks', async t => {
  const file = await fileWith(t, `export default { name: 'x', process() {}, commit() {}, helper() {} }`)
  assert.equal((await loadProcessor(file)).name, 'x')
})

test('a file that is no processor is refused, with the file and the reason', async t => {
  const cases: [string, RegExp][] = [
    ['export const x = 1', /no default export/],
    ['export default {}', /has no name/],
    [`export default { name: 'x' }`, /no function process/],
    [`export default { name: 'x', process() {}, commit: 1 }`, /hook commit/],
    [`export default { name: 'x', async process() {} }`, /process as an async .* synchronous/],
    [`export default { name: 'x', process() {}, *commit() {} }`, /commit as an async or generator/],
    [`export default { name: 'x', process() {}, onCommit() {} }`, /onCommit, .* the hook is called commit/],
    [`export default { name: 'x', process() {}, refresh_start() {} }`, /the hook is called refreshStart/],
    ['syntax error here', /cannot be loaded/]
  ]
  for (const [text, reason] of cases) {
    const file = await fileWith(t, text)
    await assert.rejects(loadProcessor(file), (error: unknown) => {
      assert.ok(isTidemarkError(error, 'PROCESSOR_INVALID'))
      return reason.test(error.message) && error.place === file
    })
  }
  await assert.rejects(loadProcessor('/nowhere/processor.ts'), { code: 'PROCESSOR_INVALID' })
})
