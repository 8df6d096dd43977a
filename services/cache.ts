import { mkdirSync } from 'node:fs'
import { join } from 'node:path'

/** What is fetched or made once and may be deleted at any time: TIDEMARK_CACHE, else .tidemark/ at the checkout's root. */
export function cacheDirectory(): string {
  const directory = process.env['TIDEMARK_CACHE'] ?? join(import.meta.dirname, '..', '.tidemark')
  mkdirSync(directory, { recursive: true })
  return directory
}
