import { spawn, type ChildProcess } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isReachableByOthers } from './server-user.ts'

const watcherScript = join(import.meta.dirname, 'watcher.sh')

interface Scratch {
  directory: string
  watcher: ChildProcess
}

let scratch: Scratch | undefined

/** The directory for everything this process's servers write. It is removed when this process ends, however it ends. */
export function scratchDirectory(): string {
  return openScratch().directory
}

/** A fresh directory below the scratch directory. */
export function makeScratchDirectory(name: string): string {
  return mkdtempSync(join(scratchDirectory(), `${name}-`))
}

/** Has `pid` ended with `signal` when this process is gone. */
export function watchProcess(pid: number, signal: NodeJS.Signals): void {
  openScratch().watcher.stdin?.write(`watch ${pid} ${signal.replace('SIG', '')}\n`)
}

/** To be called as soon as a watched process has ended: its number may be given to another. */
export function forgetProcess(pid: number): void {
  scratch?.watcher.stdin?.write(`forget ${pid}\n`)
}

function openScratch(): Scratch {
  scratch ??= startWatcher(makeRoot())
  return scratch
}

/** Below the temporary directory, or /tmp when a server running as another user could not enter that. */
function makeRoot(): string {
  const parent = isReachableByOthers(tmpdir()) ? tmpdir() : '/tmp'
  mkdirSync(parent, { recursive: true })
  const directory = mkdtempSync(join(parent, 'tidemark-'))
  chmodSync(directory, 0o711)
  return directory
}

function startWatcher(directory: string): Scratch {
  // Detached: a Ctrl-C in the terminal reaches the whole foreground group, and the watcher must be the last to go.
  const watcher = spawn('/bin/sh', [watcherScript, directory], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] })
  watcher.unref()
  const pipe = watcher.stdin as unknown as { unref?: () => void }
  pipe.unref?.()
  watcher.stdin?.on('error', () => {})
  return { directory, watcher }
}
