import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const script = fileURLToPath(new URL('tidemark.mjs', import.meta.url))

function tidemark(node: string, ...args: string[]) {
  const { status, stdout, stderr } = spawnSync(node, [script, ...args], { encoding: 'utf8' })
  return { status, stdout, stderr }
}

/** The Node of the machine: older than what TypeScript needs on some, the same on others. */
const hostNode = spawnSync('which', ['-a', 'node'], { encoding: 'utf8' }).stdout.trim().split('\n').at(-1)!

for (const [name, node] of [
  ['the Node of this test', process.execPath],
  ['the Node of the machine', hostNode]
] as const) {
  test(`the command runs on ${name}, with its exit codes and nothing else on standard error`, () => {
    assert.deepEqual(tidemark(node, '--version'), { status: 0, stdout: '0.1.0\n', stderr: '' })
    assert.equal(tidemark(node, 'status', '-c', '/nowhere.yaml').status, 1)
    assert.equal(tidemark(node, 'stats').status, 2)
  })
}
