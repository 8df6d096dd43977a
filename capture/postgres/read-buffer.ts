import { Socket } from 'node:net'

/** One read of a socket takes at most this much when it reads into a buffer of ours. */
export const readBufferBytes = 524_288
/** What Node's streams read at a time otherwise (TLS). */
export const streamReadBytes = 65_536

/**
 * A socket that reads into one buffer, again and again: no allocation per read, larger reads than Node's 64 kB, and
 * `pause` stops reading at once instead of filling a queue with small pieces first (net.Socket option `onread`). Emits
 * 'data' as ever, each chunk valid until the event has been handled; `pg`'s parser keeps chunks, so until
 * `lendChunks` is called they are copies.
 */
export class ReadBufferSocket {
  readonly socket: Socket
  private lending = false

  constructor() {
    const buffer = Buffer.allocUnsafeSlow(readBufferBytes)
    const callback = (bytes: number): boolean => {
      const chunk = buffer.subarray(0, bytes)
      this.socket.emit('data', this.lending ? chunk : Buffer.from(chunk))
      return true
    }
    this.socket = new Socket({ onread: { buffer, callback } })
  }

  /** From now on listeners of 'data' get the buffer itself. */
  lendChunks(): void {
    this.lending = true
  }
}
