import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** One text file of the repository. */
export interface SourceFile {
  /** From the repository's root, with forward slashes: "kafka/fetcher.ts". */
  path: string
  text: string
}

/** What a check found: a place and what is wrong there. */
export interface Finding {
  path: string
  /** 1-based; absent when it concerns the whole file. */
  line?: number
  message: string
}

const skippedDirectories = new Set(['node_modules', '.tidemark', '.git', 'dist'])
const binaryEndings = /\.(png|jpg|ico|bin|gz|zst|lz4|snappy|woff2)$/

/** Every text file below `root` but what is fetched, built or git's own. */
export function readSourceTree(root: string): SourceFile[] {
  return listFiles(root, '').map(path => ({ path, text: readFileSync(join(root, path), 'utf8') }))
}

function listFiles(root: string, directory: string): string[] {
  const entries = readdirSync(join(root, directory), { withFileTypes: true })
  return entries
    .filter(entry => !skippedDirectories.has(entry.name))
    .flatMap(entry => {
      const path = directory === '' ? entry.name : `${directory}/${entry.name}`
      if (entry.isDirectory()) return listFiles(root, path)
      return entry.isFile() && !binaryEndings.test(path) && !path.endsWith('.log') ? [path] : []
    })
    .sort()
}

export function isCode(path: string): boolean {
  return /\.(ts|mts|js|mjs)$/.test(path)
}

/**
 * Tests, what lies in test/, and the fixtures of one package in its testing/ folders; kcop/testing/ is a part of the
 * product, the harness for whoever writes a processor.
 */
export function isTest(path: string): boolean {
  if (path.startsWith('kcop/testing/')) return path.endsWith('.test.ts')
  return path.endsWith('.test.ts') || path.startsWith('test/') || path.includes('/testing/')
}

/** "kafka" of "kafka/fetcher.ts"; empty for a file at the root. */
export function topFolder(path: string): string {
  const slash = path.indexOf('/')
  return slash < 0 ? '' : path.slice(0, slash)
}

export function formatFinding(finding: Finding): string {
  return `${finding.path}${finding.line === undefined ? '' : `:${finding.line}`}: ${finding.message}`
}

/** Calls `visit` for every line, numbered from 1. */
export function eachLine(file: SourceFile, visit: (line: string, number: number) => void): void {
  file.text.split('\n').forEach((line, index) => visit(line, index + 1))
}
