import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { runProgram } from './program.ts'
import { captureTerminal } from './testing/capture-terminal.ts'
import { verbs } from './verbs.ts'

async function tidemark(...args: string[]) {
  const terminal = captureTerminal()
  const code = await runProgram(args, { terminal, environment: { PGPASSWORD: 'hush-hush' } })
  return { code, out: terminal.written.out, err: terminal.written.err }
}

function configurationFile(t: TestContext, text: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const file = join(directory, 'tidemark.yaml')
  writeFileSync(file, text)
  return file
}

test('--help lists every verb and ends with 0', async () => {
  const { code, out } = await tidemark('--help')
  assert.equal(code, 0)
  for (const verb of verbs) assert.match(out, new RegExp(`^  ${verb.name} .*${verb.summary.slice(0, 20)}`, 'm'))
})

for (const verb of verbs) {
  test(`${verb.name} --help has a description, its options and an example`, async () => {
    const { code, out } = await tidemark(verb.name, '--help')
    assert.equal(code, 0)
    assert.ok(out.includes(verb.description.split('\n')[0]!.slice(0, 40)))
    assert.match(out, /-c, --config <file>.*\n.*--json/)
    assert.match(out, /Examples:\n {2}tidemark \w+/)
  })
}

test('no verb at all is wrong use and shows help', async () => {
  const { code, err } = await tidemark()
  assert.equal(code, 2)
  assert.match(err, /Usage: tidemark/)
})

test('an unknown verb is wrong use, with the nearest one named', async () => {
  const { code, err } = await tidemark('chek')
  assert.equal(code, 2)
  assert.match(err, /unknown command 'chek'\n\(Did you mean check\?\)/)
})

test('an unknown option is wrong use, with the nearest one named', async () => {
  const { code, err } = await tidemark('check', '--jsn')
  assert.equal(code, 2)
  assert.match(err, /unknown option '--jsn'\n\(Did you mean --json\?\)/)
})

test('a word too many is wrong use', async () => {
  assert.equal((await tidemark('check', 'bank.yaml')).code, 2)
})

test('a value an option does not have is wrong use', async () => {
  const { code, err } = await tidemark('check', '--log-format', 'xml')
  assert.equal(code, 2)
  assert.match(err, /Allowed choices are json, console/)
})

for (const verb of ['refresh']) {
  test(`${verb} says that it is not available, with 2`, async () => {
    const { code, err } = await tidemark(verb)
    assert.equal(code, 2)
    assert.match(err, new RegExp(`^NOT_AVAILABLE: .tidemark ${verb}. is not available in this version\n  cure: `))
  })
}

for (const verb of ['check', 'plan', 'apply', 'run', 'read', 'status', 'retire']) {
  test(`${verb} without a configuration file fails with its name and no stack`, async () => {
    const { code, out, err } = await tidemark(verb, '-c', '/nowhere/tidemark.yaml')
    assert.equal(code, 1)
    assert.equal(out, '')
    assert.match(
      err,
      /^CONFIG_UNREADABLE: .*\/nowhere\/tidemark\.yaml cannot be read \(ENOENT\)\n  at: .*\n  cure: .*\n$/
    )
  })
}

test('every fault of a configuration is told, by line and column, before anything is touched', async t => {
  const file = configurationFile(t, 'subscription: bank\nkafka: {brokers: 3}\ntabels: {}\n')
  const { code, err } = await tidemark('apply', '--yes', '-c', file)
  assert.equal(code, 1)
  assert.match(err, /tidemark\.yaml:2:18\n/)
  assert.match(err, /tidemark\.yaml:3:1\n {2}cure: did you mean `tables`\?/)
})

test('with --json faults are findings on standard output', async t => {
  const file = configurationFile(t, 'subscription: bank\nkafka: {brokers: [a]}\ntabels: {}\n')
  const { code, out, err } = await tidemark('check', '--json', '-c', file)
  assert.equal(code, 1)
  assert.equal(err, '')
  assert.deepEqual(JSON.parse(out), {
    ok: false,
    findings: [
      {
        code: 'CONFIG_INVALID',
        severity: 'error',
        what: '`tabels` is not a known entry',
        place: `${file}:3:1`,
        remedy: 'did you mean `tables`?'
      }
    ]
  })
})

test('--debug adds where in the program an error arose', async () => {
  const { err } = await tidemark('check', '--debug', '-c', '/nowhere/tidemark.yaml')
  assert.match(err, /\n {4}at /)
})

test('read refuses a limit and a time that are none', async () => {
  assert.equal((await tidemark('read', '--limit', 'ten')).code, 2)
  assert.equal((await tidemark('read', '--from', '2026-99-99')).code, 2)
})
