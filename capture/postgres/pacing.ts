/** How far reading may be slowed down so that more is read at a time. */
export interface PacingLimits {
  /** What one read can take at most: the read buffer. */
  bufferBytes: number
  /** Below this rate every read is taken as it comes: waiting would cost latency and save little. */
  loadBytesPerMs: number
  pauseMsMax: number
}

export interface ReadWindow {
  /** Bytes read since the last decision, and the time since it, pauses included. */
  bytes: number
  elapsedMs: number
  /** Bytes of the last read. */
  lastBytes: number
}

/** A walsender writes a message at a time, some 150 bytes; 4 MB/s are 25,000 such messages a second. */
export const defaultPacing = { loadBytesPerMs: 4_000, pauseMsMax: 10 }

/** Enough to tell a rate from, and the time after which too little has come to be load. */
const windowBytes = 65_536
const windowMs = 50

/**
 * Milliseconds to leave the socket unread after a read; null while there is too little to tell. The walsender flushes
 * each message: a reader that keeps up is woken for each, and both sides burn their CPU in wake-ups. Under load the
 * pause lets the socket fill to three quarters of the buffer at the rate seen. A read that filled the buffer is
 * followed by the next at once: the server may be waiting. Never a pause when idle.
 */
export function pauseAfter(window: ReadWindow, limits: PacingLimits): number | null {
  if (window.lastBytes >= limits.bufferBytes) return 0
  if (window.bytes < windowBytes) return window.elapsedMs < windowMs ? null : 0
  const bytesPerMs = window.bytes / Math.max(window.elapsedMs, 0.01)
  if (bytesPerMs < limits.loadBytesPerMs) return 0
  return Math.max(1, Math.min(limits.pauseMsMax, Math.round((limits.bufferBytes * 0.75) / bytesPerMs)))
}

/** Keeps the window of `pauseAfter`. */
export class Pacing {
  private readonly limits: PacingLimits
  private bytes = 0
  private since: number

  constructor(limits: PacingLimits, nowMs: number) {
    this.limits = limits
    this.since = nowMs
  }

  /** Milliseconds not to read after a read of `bytes`; 0: go on. */
  read(bytes: number, nowMs: number): number {
    this.bytes += bytes
    const window = { bytes: this.bytes, elapsedMs: nowMs - this.since, lastBytes: bytes }
    const pauseMs = pauseAfter(window, this.limits)
    if (pauseMs === null) return 0
    this.bytes = 0
    this.since = nowMs
    return pauseMs
  }
}
