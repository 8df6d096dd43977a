// node launch.mjs <script.ts> [arguments]
// From a fresh clone to a running script: checks the tools, installs what package-lock.json names when it is not there,
// and runs the script with Node >= 24.6, which runs TypeScript by itself. Plain JavaScript without dependencies, since
// it runs before anything is installed, by whatever Node >= 20 there is.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { constants } from 'node:os'

const root = dirname(fileURLToPath(import.meta.url))
const hostNodeMin = [20, 0]
const scriptNodeMin = [24, 6]

main(process.argv.slice(2))

/** @param {string[]} argv */
function main([script, ...args]) {
  if (script === undefined) fail('usage: node launch.mjs <script.ts> [arguments]', 2)
  const path = join(root, script)
  if (!isAtLeast(process.versions.node, hostNodeMin)) {
    fail(`Node.js ${process.versions.node} is too old: install Node.js ${hostNodeMin[0]} or newer`)
  }
  if (!isInstalled()) install()
  if (!existsSync(path)) fail(`${script} is not there`, 2)
  run(findNode(), [path, ...args])
}

/** @param {string} version @param {number[]} wanted */
function isAtLeast(version, wanted) {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major > wanted[0] || (major === wanted[0] && minor >= wanted[1])
}

/**
 * Whether node_modules holds what package-lock.json names. npm writes what it installed to
 * node_modules/.package-lock.json in the same form. Optional packages (binaries of other platforms) may be absent.
 */
function isInstalled() {
  const done = join(root, 'node_modules', '.package-lock.json')
  if (!existsSync(done)) return false
  const wanted = packagesOf(join(root, 'package-lock.json'))
  const present = packagesOf(done)
  return Object.entries(wanted).every(([path, entry]) => {
    if (!path.startsWith('node_modules/') || entry.optional || entry.peer) return true
    return present[path]?.version === entry.version && existsSync(join(root, path))
  })
}

/** @param {string} file @returns {Record<string, { version?: string, optional?: boolean, peer?: boolean }>} */
function packagesOf(file) {
  return JSON.parse(readFileSync(file, 'utf8')).packages
}

function install() {
  const npm = npmCommand(['--version'])
  if (npm.status !== 0) fail('npm is not there: install the npm that comes with Node.js')
  console.log('installing what package-lock.json names (npm ci; about 150 MB, half a minute on a good line)')
  const begun = performance.now()
  // Development tools too: the servers and Node 24 are among them, whatever NODE_ENV says.
  const result = npmCommand(['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'], 'inherit')
  if (result.status !== 0) fail('npm ci failed: see above')
  console.log(`installed in ${((performance.now() - begun) / 1000).toFixed(1)} s`)
}

/** @param {string[]} args @param {'inherit' | 'pipe'} [stdio] */
function npmCommand(args, stdio = 'pipe') {
  return spawnSync('npm', args, { cwd: root, stdio, shell: process.platform === 'win32' })
}

/** A Node that runs TypeScript: this one, or the one that the npm package `node` brings. */
function findNode() {
  if (isAtLeast(process.versions.node, scriptNodeMin)) return process.execPath
  const home = join(root, 'node_modules', 'node')
  const binary = join(home, 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
  if (!existsSync(binary)) fetchBinary(home)
  if (!existsSync(binary))
    fail(`no Node.js >= ${scriptNodeMin.join('.')}: install one, or allow npm to fetch the package "node"`)
  return binary
}

/** The package `node` gets its binary by an install script, which does not run where install scripts are blocked. */
function fetchBinary(/** @type {string} */ home) {
  console.log('fetching Node.js 24 (install scripts seem to be off)')
  spawnSync(process.execPath, ['installArchSpecificPackage.js'], { cwd: home, stdio: ['ignore', 'ignore', 'inherit'] })
}

/** @param {string} node @param {string[]} args */
function run(node, args) {
  // By the channel the script learns of this process's end, should it be killed -9 (services/launcher.ts).
  const child = spawn(node, args, { stdio: ['inherit', 'inherit', 'inherit', 'ipc'] })
  const watch = endWithParent(() => child.kill('SIGTERM'))
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
    process.on(signal, () => {
      clearInterval(watch)
      // A terminal sends Ctrl-C to the script too: passed on as well, it would count as the second, "at once" signal.
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal)
    })
  }
  child.once('error', error => fail(`${node}: ${error.message}`))
  child.once('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal ?? 'SIGTERM']))
}

/**
 * When npm is killed without a word, its script ends as well (npm itself passes on only signals it can catch).
 * @param {() => void} end
 */
function endWithParent(end) {
  const parent = process.ppid
  const timer = setInterval(() => {
    if (process.env.npm_lifecycle_event === undefined || process.ppid === parent) return
    clearInterval(timer)
    end()
  }, 250)
  timer.unref()
  return timer
}

/** @param {string} message @returns {never} */
function fail(message, code = 1) {
  console.error(message)
  process.exit(code)
}
