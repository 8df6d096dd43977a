import { importGraph, reachableFrom } from '../tidy/imports.ts'
import type { SourceFile } from '../tidy/source-tree.ts'

export interface TestFiles {
  /** Need nothing but this process. */
  unit: string[]
  /** Reach a real PostgreSQL or Kafka, or a queue manager. */
  integration: string[]
}

/** The modules that start servers: a test that imports one, directly or not, needs them. */
const starters = ['services/postgres.ts', 'services/kafka.ts', 'services/mq.ts']

/** Every *.test.ts, sorted by whether it needs servers. Nobody has to keep a list. */
export function sortTestFiles(files: SourceFile[]): TestFiles {
  const graph = importGraph(files, 'values')
  const tests = files.map(({ path }) => path).filter(path => path.endsWith('.test.ts'))
  const needsServers = (path: string): boolean => {
    const reached = reachableFrom(graph, path)
    return starters.some(starter => reached.has(starter))
  }
  return { unit: tests.filter(path => !needsServers(path)), integration: tests.filter(needsServers) }
}
