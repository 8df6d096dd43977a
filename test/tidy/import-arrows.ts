import { importGraph, importsOf, reachableFrom, type Import } from './imports.ts'
import { isCode, isTest, topFolder, type Finding, type SourceFile } from './source-tree.ts'

/** Which folders a folder may import from, besides itself. Folders not named here may import everything. */
export const arrows: Record<string, readonly string[]> = {
  schemas: [],
  kafka: ['schemas'],
  kcop: ['schemas'],
  capture: ['schemas', 'kafka', 'kcop'],
  'tcc-consumer': ['schemas', 'kafka'],
  'mq-sink': ['schemas', 'kafka', 'capture', 'tcc-consumer'],
  services: []
}

/** What tests may import besides, whatever folder they lie in. */
const testFolders = ['test', 'services']

/** Imports against the arrows, past a package's door, or of something the package does not declare. */
export function checkArrows(files: SourceFile[], dependencies: Record<string, readonly string[]>): Finding[] {
  return files
    .filter(({ path }) => isCode(path))
    .flatMap(file =>
      importsOf(file).flatMap(item => {
        const message = problemOf(file.path, item, dependencies)
        return message === undefined ? [] : [{ path: file.path, line: item.line, message }]
      })
    )
}

function problemOf(from: string, item: Import, dependencies: Record<string, readonly string[]>): string | undefined {
  if (item.path === undefined) return undeclared(from, item.specifier, dependencies)
  const own = topFolder(from)
  const target = topFolder(item.path)
  if (isTest(item.path) && own in arrows && !isTest(from))
    return `product code imports what is for tests: ${item.specifier}`
  if (target === own)
    return item.specifier.startsWith('@tidemark/') ? `imports its own package by name: ${item.specifier}` : undefined
  const allowed = arrows[own]
  if (allowed === undefined) return undefined
  if (testFolders.includes(target) && isTest(from)) return undefined
  if (!allowed.includes(target))
    return `${own} must not import ${target === '' ? 'from the root' : target} (${item.specifier})`
  return item.specifier.startsWith('.') ? `reaches into ${target} by a path: write @tidemark/${item.path}` : undefined
}

/** Code of a package may use only what its package.json names: else it works here and fails where it is installed. */
function undeclared(
  from: string,
  specifier: string,
  dependencies: Record<string, readonly string[]>
): string | undefined {
  const declared = dependencies[topFolder(from)]
  if (declared === undefined || specifier.startsWith('node:') || isTest(from)) return undefined
  const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
  return declared.includes(name) ? undefined : `uses ${name}, which ${topFolder(from)}/package.json does not name`
}

/** Circles of imports, each reported once; imports of types alone make none at run time. */
export function checkCircles(files: SourceFile[]): Finding[] {
  const graph = importGraph(files, 'values')
  const findings: Finding[] = []
  const reported = new Set<string>()
  for (const path of graph.keys()) {
    if (reported.has(path)) continue
    const members = Array.from(reachableFrom(graph, path)).filter(other => reachableFrom(graph, other).has(path))
    if (!members.includes(path)) continue
    for (const member of members) reported.add(member)
    findings.push({
      path,
      message: `imports itself by way of ${members.filter(other => other !== path).join(', ') || 'itself'}`
    })
  }
  return findings
}
