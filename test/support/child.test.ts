import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { makeScratchDirectory } from '../../services/scratch.ts'
import { startProgram, type Child } from './child.ts'
import { until } from './until.ts'

function startText(t: TestContext, text: string, args: string[] = []): Child {
  const file = join(makeScratchDirectory('program'), 'program.ts')
  writeFileSync(file, text)
  return startProgram(t, file, { args })
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

test('a program says its line and ends with its code', async t => {
  const child = startText(
    t,
    'const code: number = Number(process.argv[2])\nconsole.log(`code is ${code}`)\nprocess.exit(code)\n',
    ['7']
  )
  assert.equal(await child.line(/^code is/), 'code is 7')
  assert.deepEqual(await child.ended, { code: 7, signal: null })
  assert.equal(child.alive, false)
})

test('kill -9 ends it at once', async t => {
  const child = startText(t, "console.log('up')\nprocess.on('SIGTERM', () => {})\nsetInterval(() => {}, 1000)\n")
  await child.line(/^up$/)
  assert.deepEqual(await child.kill(), { code: null, signal: 'SIGKILL' })
  assert.equal(isRunning(child.pid), false)
})

test('a program that ends without the line is told with its output', async t => {
  const child = startText(t, "console.error('no such table')\n")
  await assert.rejects(child.line(/^up$/), /without a line[\s\S]*no such table/)
})

test('a program that stays silent is told when the time is over', async t => {
  const child = startText(t, 'setInterval(() => {}, 1000)\n')
  await assert.rejects(child.line(/^up$/, 50), /no line .* within 50 ms/)
})

test('a server does not outlive a program that is killed -9', async t => {
  const scratch = JSON.stringify(join(import.meta.dirname, '../../services/scratch.ts'))
  const text = `import { spawn } from 'node:child_process'
    import { scratchDirectory, watchProcess } from ${scratch}
    const server = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' })
    watchProcess(server.pid!, 'SIGTERM')
    console.log('server ' + server.pid + ' ' + scratchDirectory())
    setInterval(() => {}, 1000)\n`
  const child = startText(t, text)
  const [, pid, directory] = (await child.line(/^server/)).split(' ')
  assert.ok(isRunning(Number(pid)))
  await child.kill()
  const { existsSync } = await import('node:fs')
  await until(() => !isRunning(Number(pid)) && !existsSync(directory ?? ''), {
    what: 'the end of the server and its files'
  })
})
