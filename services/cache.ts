import { mkdirSync } from 'node:fs'
import { join } from 'node:path'

/** What is fetched or made once per checkout and may be deleted at any time: .tidemark/ at the root. */
export function cacheDirectory(): string {
  const directory = join(import.meta.dirname, '..', '.tidemark')
  mkdirSync(directory, { recursive: true })
  return directory
}
