// Starts a program of Tidemark. Plain JavaScript, since it runs on whatever Node there is: the programs need Node >= 24.6,
// which is this one, or the one that the npm package `node` brings.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import module, { createRequire } from 'node:module'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const nodeMin = [24, 6]
/**
 * As in the first line of the commands: a third less memory under load for the same CPU (young objects live until their
 * flush), and 35 MB less that glibc keeps in arenas of its threads.
 */
const memoryFlags = ['--max-semi-space-size=8']
const memoryEnvironment = { MALLOC_ARENA_MAX: '1' }

/**
 * Runs `main` of the package's main.ts, or its compiled form, which is what is published: Node strips no types below
 * node_modules.
 *
 * @param {string} name
 * @param {string} script URL of the command in the package's bin/
 */
export async function launch(name, script) {
  if (!isAtLeast(process.versions.node)) return startWith(newerNode(name, script), script)
  // A quarter off the time to start: an agent that was killed is back sooner.
  module.enableCompileCache()
  const source = new URL('../main.ts', script)
  const program = existsSync(source) ? source : new URL('../main.js', script)
  const { main } = await import(program.href)
  await main()
}

/** @param {string} version */
function isAtLeast(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major > nodeMin[0] || (major === nodeMin[0] && minor >= nodeMin[1])
}

/** @param {string} name @param {string} script */
function newerNode(name, script) {
  try {
    const home = dirname(createRequire(script).resolve('node/package.json'))
    const binary = join(home, 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
    if (existsSync(binary)) return binary
  } catch {
    // The package `node` is not installed.
  }
  console.error(`${name} needs Node.js ${nodeMin.join('.')} or newer, this is ${process.versions.node}`)
  console.error('  cure: install a newer Node.js, or `npm install node@24` beside it')
  process.exit(1)
}

/** @param {string} node @param {string} script */
function startWith(node, script) {
  const args = [...memoryFlags, fileURLToPath(script), ...process.argv.slice(2)]
  // The channel ends with this process, even by kill -9, and the program with the channel: nothing is left behind.
  const child = spawn(node, args, {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...memoryEnvironment, ...process.env, TIDEMARK_LAUNCHER: '1' }
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      // A terminal sends Ctrl-C to the program too: passed on as well, it would count as the second, "at once" signal.
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal)
    })
  }
  child.once('error', error => {
    console.error(`${node}: ${error.message}`)
    process.exit(1)
  })
  child.once('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]))
}
