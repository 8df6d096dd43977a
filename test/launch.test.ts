import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { test, type TestContext } from 'node:test'
import { makeScratchDirectory } from '../services/scratch.ts'
import { startProgram, type Child } from './support/child.ts'

const root = join(import.meta.dirname, '..')

function launch(t: TestContext, text: string, args: string[] = []): Child {
  const script = join(makeScratchDirectory('launch'), 'script.ts')
  writeFileSync(script, text)
  return startProgram(t, join(root, 'launch.mjs'), { args: [relative(root, script), ...args] })
}

test('a script gets its arguments and a Node that runs TypeScript, and its exit code is passed on', async t => {
  const child = launch(
    t,
    'const [one]: string[] = process.argv.slice(2)\nconsole.log(`got ${one} and 2`)\nprocess.exit(7)\n',
    ['1 and']
  )
  assert.equal(await child.line(/^got/), 'got 1 and and 2')
  assert.deepEqual(await child.ended, { code: 7, signal: null })
})

test('SIGTERM reaches the script, which may end in its own order', async t => {
  const text = `const timer: NodeJS.Timeout = setInterval(() => {}, 1000)
    process.once('SIGTERM', () => { console.log('ending'); clearInterval(timer) })
    console.log('up')\n`
  const child = launch(t, text)
  await child.line(/^up$/)
  assert.deepEqual(await child.kill('SIGTERM'), { code: 0, signal: null })
  assert.match(child.output, /^ending$/m)
})

test('a script that was killed is told by the exit code', async t => {
  const child = launch(t, "process.kill(process.pid, 'SIGKILL')\n")
  assert.deepEqual(await child.ended, { code: 137, signal: null })
})

test('wrong use is told', async t => {
  const child = startProgram(t, join(root, 'launch.mjs'))
  assert.equal((await child.ended).code, 2)
  assert.match(child.output, /usage: node launch\.mjs/)
  const missing = startProgram(t, join(root, 'launch.mjs'), { args: ['no-such-script.ts'] })
  assert.equal((await missing.ended).code, 2)
  assert.match(missing.output, /no-such-script\.ts is not there/)
})
