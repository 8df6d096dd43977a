import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'

/** What is fetched or made once and may be deleted at any time: TIDEMARK_CACHE, else .tidemark/ at the checkout's root. */
export function cacheDirectory(): string {
  const directory = process.env['TIDEMARK_CACHE'] ?? join(import.meta.dirname, '..', '.tidemark')
  mkdirSync(directory, { recursive: true })
  return directory
}

/** Puts a directory made aside into its place; when another process was first, that one's is as good. */
export function adopt(fresh: string, place: string): void {
  try {
    renameSync(fresh, place)
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true })
    if (!existsSync(place)) throw error
  }
}
