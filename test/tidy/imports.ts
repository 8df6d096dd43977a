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

// As prettier lays them out: a statement on one line, or a list that ends with "} from '...'" at the line's beginning.
const fromPattern = /^(import|export|\})([^'"\n]*)\bfrom '([^']+)'/gm
const sidePattern = /^import '([^']+)'/gm
const callPattern = /\bimport\('([^']+)'\)/g

/** Every import and re-export of a file. Works on text as prettier lays it out, not on a syntax tree. */
export function importsOf(file: SourceFile): Import[] {
  const text = withoutComments(file.text)
  const at = (index: number, specifier: string, typeOnly: boolean): Import => {
    const line = text.slice(0, index).split('\n').length
    return { specifier, path: resolveImport(file.path, specifier), typeOnly, line }
  }
  return [
    ...Array.from(text.matchAll(fromPattern), match => at(match.index, match[3] ?? '', isTypeOnly(text, match))),
    ...Array.from(text.matchAll(sidePattern), match => at(match.index, match[1] ?? '', false)),
    ...Array.from(text.matchAll(callPattern), match => at(match.index, match[1] ?? '', false))
  ]
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

/** `import type ...`, `export type ...`, or braces with nothing but `type` names. */
function isTypeOnly(text: string, match: RegExpExecArray): boolean {
  const statement = match[1] === '}' ? text.slice(statementStart(text, match.index), match.index) + match[0] : match[0]
  if (/^(import|export) type\b/.test(statement)) return true
  const names = /^(?:import|export) \{([^}]*)\} from/
    .exec(statement)?.[1]
    ?.split(',')
    .map(name => name.trim())
  return names?.every(name => name === '' || name.startsWith('type ')) ?? false
}

function statementStart(text: string, end: number): number {
  const before = text.slice(0, end)
  return Math.max(before.lastIndexOf('\nimport '), before.lastIndexOf('\nexport ')) + 1
}

function withoutComments(text: string): string {
  const blank = (comment: string): string => comment.replaceAll(/[^\n]/g, ' ')
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, blank).replaceAll(/^\s*\/\/.*$/gm, blank)
}
