import { eachLine, isCode, isTest, type Finding, type SourceFile } from './source-tree.ts'

export const codeLinesMax = 400
export const testLinesMax = 600

/** Names that say nothing of the field; a file grows under them without end. */
const emptyNames = ['util', 'utils', 'common', 'helper', 'helpers', 'manager', 'types', 'misc', 'shared', 'stuff']
const allowedUpper = /^(README|CHANGELOG|ARCHITECTURE|CONTRIBUTING|SECURITY)\.md$|^LICENSE$/

/** Files longer than the limit. @param exceptions paths that may be longer, each with its reason */
export function checkLength(files: SourceFile[], exceptions: Record<string, string> = {}): Finding[] {
  return files
    .filter(({ path }) => isCode(path) && exceptions[path] === undefined)
    .flatMap(({ path, text }) => {
      const lines = text.split('\n').length - 1
      const limit = isTest(path) ? testLinesMax : codeLinesMax
      return lines > limit ? [{ path, message: `${lines} lines, more than ${limit}: split it by what it does` }] : []
    })
}

/** Exceptions to a limit that are not needed any more. */
export function checkExceptions(files: SourceFile[], exceptions: Record<string, string>): Finding[] {
  return Object.keys(exceptions).flatMap(path => {
    const file = files.find(candidate => candidate.path === path)
    const needed = file !== undefined && checkLength([file]).length > 0
    return needed ? [] : [{ path, message: 'is excepted from the line limit without need' }]
  })
}

/** Names that are no nouns of the field, or not kebab-case. */
export function checkNames(files: SourceFile[]): Finding[] {
  return files.flatMap(({ path }) => {
    const parts = path.split('/')
    const message = parts.map(part => nameProblem(part, isCode(path))).find(problem => problem !== undefined)
    return message === undefined ? [] : [{ path, message }]
  })
}

function nameProblem(name: string, inCode: boolean): string | undefined {
  const stem = name.replace(/^\./, '').replace(/\..*$/, '')
  const last = stem.split('-').at(-1) ?? ''
  if (inCode && (emptyNames.includes(stem) || emptyNames.includes(last)))
    return `"${name}" says nothing: name what it is about`
  if (allowedUpper.test(name) || name === 'Dockerfile') return undefined
  return /^[a-z0-9]+([-_][a-z0-9]+)*$/.test(stem) ? undefined : `"${name}" is not kebab-case`
}

/** Every folder named has a README.md that says something. */
export function checkReadmes(files: SourceFile[], folders: readonly string[]): Finding[] {
  return folders.flatMap(folder => {
    const path = `${folder}/README.md`
    const readme = files.find(file => file.path === path)
    if (!readme) return [{ path, message: 'is missing: ten lines with the job, the way in, the way out' }]
    const lines = readme.text.split('\n').filter(line => line.trim() !== '').length
    return lines < 3 ? [{ path, message: 'says too little' }] : []
  })
}

/** Tests that run alone: the others would be skipped unseen. */
export function checkOnly(files: SourceFile[]): Finding[] {
  return findInLines(
    files.filter(({ path }) => path.endsWith('.test.ts')),
    /\b(test|it|describe|suite)\.only\(|\bonly: true\b/,
    () => 'runs alone: take .only out'
  )
}

/** Findings for every line that matches. */
export function findInLines(
  files: SourceFile[],
  pattern: RegExp,
  message: (match: RegExpExecArray) => string
): Finding[] {
  const findings: Finding[] = []
  for (const file of files) {
    eachLine(file, (text, line) => {
      const match = pattern.exec(text)
      if (match) findings.push({ path: file.path, line, message: message(match) })
    })
  }
  return findings
}
