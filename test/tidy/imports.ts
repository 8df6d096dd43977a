import { posix } from 'node:path'
import { isCode, type SourceFile } from './source-tree.ts'

export interface Import {
  /** As written: "./lsn.ts", "@tidemark/schemas/row.ts", "node:fs", "pg". */
  specifier: string
  /** The file meant, from the repository's root; undefined for a package from outside. */
  path: string | undefined
  /** `import type`, `export type`: gone at run time. */
  typeOnly: boolean
  line: number
}

// Prettier keeps each of these forms on a line of its own, or ends a list with "} from '...'".
const fromPattern = /\bfrom '([^']+)'/g
const sidePattern = /^\s*import '([^']+)'/gm
const callPattern = /\bimport\('([^']+)'\)/g
const statementPattern = /^(?:import|export)\b[^'"]*$/

/** Every import and re-export of a file. Works on text as prettier lays it out, not on a syntax tree. */
export function importsOf(file: SourceFile): Import[] {
  const text = withoutComments(file.text)
  return [fromPattern, sidePattern, callPattern].flatMap(pattern =>
    Array.from(text.matchAll(pattern), match => {
      const specifier = match[1] ?? ''
      const typeOnly = pattern === fromPattern && isTypeOnly(text, match.index)
      const line = text.slice(0, match.index).split('\n').length
      return { specifier, path: resolveImport(file.path, specifier), typeOnly, line }
    })
  )
}

/** The file a specifier means, from the repository's root; undefined for packages from outside. */
export function resolveImport(from: string, specifier: string): string | undefined {
  if (specifier.startsWith('.')) return posix.normalize(posix.join(posix.dirname(from), specifier))
  const own = /^@tidemark\/([^/]+)(?:\/(.+))?$/.exec(specifier)
  return own ? `${own[1]}/${own[2] ?? 'index.ts'}` : undefined
}

/** Files by the files they import; `values` leaves out imports of types alone. */
export function importGraph(files: SourceFile[], which: 'all' | 'values'): Map<string, string[]> {
  const graph = new Map<string, string[]>()
  for (const file of files.filter(({ path }) => isCode(path))) {
    const wanted = importsOf(file).filter(({ typeOnly }) => which === 'all' || !typeOnly)
    graph.set(
      file.path,
      wanted.flatMap(({ path }) => (path === undefined ? [] : [path]))
    )
  }
  return graph
}

/** Everything that `from` imports, directly or not. */
export function reachableFrom(graph: Map<string, string[]>, from: string): Set<string> {
  const seen = new Set<string>()
  const open = [from]
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    for (const next of graph.get(path) ?? []) {
      if (seen.has(next)) continue
      seen.add(next)
      open.push(next)
    }
  }
  return seen
}

/** The statement that ends at `index` begins with `import type` or `export type`. */
function isTypeOnly(text: string, index: number): boolean {
  const before = text.slice(0, index)
  const start = Math.max(before.lastIndexOf('\nimport '), before.lastIndexOf('\nexport '), 0)
  const statement = before.slice(start).trimStart()
  if (!statementPattern.test(statement.replaceAll('\n', ' '))) return false
  if (/^(import|export) type\b/.test(statement)) return true
  const names = /\{([^}]*)\}\s*$/.exec(statement)?.[1]?.split(',') ?? []
  const onlyBraces = /^(import|export)\s*\{/.test(statement)
  return onlyBraces && names.length > 0 && names.every(name => name.trim() === '' || name.trim().startsWith('type '))
}

function withoutComments(text: string): string {
  const blank = (comment: string): string => comment.replaceAll(/[^\n]/g, ' ')
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, blank).replaceAll(/^\s*\/\/.*$/gm, blank)
}
