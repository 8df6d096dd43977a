import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatFinding, type Finding } from './source-tree.ts'
import { checkHosts, checkMachinePaths, checkUnfinished, type WordRules } from './word-rules.ts'

const rules: WordRules = {
  hosts: ['localhost', 'apache.org'],
  machineDirectories: ['home', 'root'],
  unfinished: ['LATER']
}

function lines(
  check: (files: { path: string; text: string }[], rules: WordRules) => Finding[],
  text: string
): string[] {
  return check([{ path: 'a.md', text }], rules).map(formatFinding)
}

test('unfinished work is found by its word, not by a part of one', () => {
  assert.deepEqual(lines(checkUnfinished, 'fine\n// LATER: more\nLATERAL\n'), [
    'a.md:2: LATER: do it, or write an issue'
  ])
})

test('paths of one machine are found, others are not', () => {
  assert.deepEqual(lines(checkMachinePaths, 'cd /home/anna\nsee ./home/page and /var/lib and docs/root/x\n'), [
    'a.md:1: /home/anna is a path of one machine'
  ])
})

test('hosts that are not listed are found, each', () => {
  const text =
    'http://localhost:8080 https://kafka.apache.org/x\nhttps://packages.example.net/a and http://badapache.org\n'
  assert.deepEqual(lines(checkHosts, text), [
    'a.md:2: names the host packages.example.net',
    'a.md:2: names the host badapache.org'
  ])
})
