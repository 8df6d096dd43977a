import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { errorCodes } from '../schemas/error-codes.ts'
import { errorsDocument } from '../docs/errors-document.ts'
import { arrows, checkArrows, checkCircles } from './tidy/import-arrows.ts'
import { checkExceptions, checkLength, checkNames, checkOnly, checkReadmes } from './tidy/file-rules.ts'
import { formatFinding, readSourceTree, type Finding } from './tidy/source-tree.ts'
import { checkHosts, checkMachinePaths, checkUnfinished, type WordRules } from './tidy/word-rules.ts'

const root = join(import.meta.dirname, '..')
const files = readSourceTree(root)
const rules = JSON.parse(readFileSync(join(root, 'test/tidy/word-rules.json'), 'utf8')) as WordRules
/** The lists of words hold them, the checks' own tests too, and nobody here writes a package-lock.json. */
const prose = files.filter(({ path }) => !path.startsWith('test/tidy/') && !path.endsWith('package-lock.json'))
const folders = [...Object.keys(arrows), 'test', 'demo', 'bench', 'examples'].filter(folder =>
  files.some(({ path }) => path.startsWith(`${folder}/`))
)

/** Code longer than the limit, each with the reason why splitting it would not help. */
const lengthExceptions: Record<string, string> = {}

function assertTidy(findings: Finding[]): void {
  if (findings.length > 0) assert.fail(findings.map(formatFinding).join('\n'))
}

function dependenciesOf(folder: string): readonly string[] {
  const text = files.find(({ path }) => path === `${folder}/package.json`)?.text
  if (text === undefined) return []
  return Object.keys((JSON.parse(text) as { dependencies?: Record<string, string> }).dependencies ?? {})
}

test('imports follow the arrows between the packages', () => {
  const packages = files.flatMap(({ path }) => /^([^/]+)\/package\.json$/.exec(path)?.[1] ?? [])
  assertTidy(checkArrows(files, Object.fromEntries(packages.map(folder => [folder, dependenciesOf(folder)]))))
})

test('no file imports itself by way of others', () => assertTidy(checkCircles(files)))

test('files stay short', () => {
  assertTidy([...checkLength(files, lengthExceptions), ...checkExceptions(files, lengthExceptions)])
})

test('files are named after what they hold', () => assertTidy(checkNames(files)))

test('every folder says what it is for', () => assertTidy(checkReadmes(files, folders)))

test('no test runs alone', () => assertTidy(checkOnly(files)))

test('nothing is left unfinished in the code', () => assertTidy(checkUnfinished(prose, rules)))

test('no path or host of one machine is written down', () => {
  assertTidy([...checkMachinePaths(prose, rules), ...checkHosts(prose, rules)])
})

test('docs/errors.md is made from the present error codes', () => {
  const present = files.find(({ path }) => path === 'docs/errors.md')?.text
  assert.ok(present === errorsDocument(errorCodes), 'docs/errors.md is not current: npm run docs')
})
