import { readFileSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'

export interface ServerUser {
  uid: number
  gid: number
}

/**
 * The user to run PostgreSQL as, which refuses to run as root: undefined for an ordinary user (itself), else an
 * existing account without rights. No account is created.
 */
export function unprivilegedUser(): ServerUser | undefined {
  if (process.getuid?.() !== 0) return undefined
  const accounts = readFileSync('/etc/passwd', 'utf8').split('\n')
  for (const name of ['nobody', 'postgres']) {
    const fields = accounts.find(line => line.startsWith(`${name}:`))?.split(':')
    if (fields) return { uid: Number(fields[2]), gid: Number(fields[3]) }
  }
  throw new Error(
    'PostgreSQL does not run as root, and there is no account "nobody" or "postgres": run as an ordinary user'
  )
}

/** Whether any account may enter the directory: execute permission for others all along the path. */
export function isReachableByOthers(directory: string): boolean {
  let path = resolve(directory)
  for (;;) {
    const status = statSync(path, { throwIfNoEntry: false })
    if (status && (status.mode & 0o001) === 0) return false
    const parent = dirname(path)
    if (parent === path) return true
    path = parent
  }
}
