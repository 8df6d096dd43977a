import { writeSync } from 'node:fs'

const sleeper = new Int32Array(new SharedArrayBuffer(4))

/**
 * Writes all of `bytes` to a pipe, blocking while nobody reads: for a process whose thread the queue manager's verbs block
 * as well. Ends the process when the other end is gone: what is open is backed out by the end of the connection.
 */
export function writeWhole(descriptor: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length;) {
    try {
      at += writeSync(descriptor, bytes, at)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'EAGAIN') Atomics.wait(sleeper, 0, 0, 1)
      else if (code === 'EPIPE') process.exit(0)
      else throw error
    }
  }
}
