/** When a replication connection speaks, asks, and is given up. */
export interface LivenessTimings {
  /** How often `due` is asked. */
  tickMs: number
  /** A status is sent at least this often. */
  statusMs: number
  /** After this much silence the status asks for an answer. */
  pingMs: number
  /** After this much silence the connection is dead. */
  silenceMs: number
}

export interface LivenessState {
  nowMs: number
  /** When anything was last read; when reading was last resumed. */
  heardMs: number
  statusMs: number
  tickedMs: number
  /** When an answer was last asked for. */
  askedMs: number
  /** Whether a position was settled that the server was not told. */
  unsaid: boolean
  /** Whether the socket is being read at all. */
  reading: boolean
}

export type LivenessDue = 'nothing' | 'status' | 'ping' | 'dead'

/**
 * Timings for a server with that wal_sender_timeout; 0 means it has none. The server takes a third of it as sign of
 * life well before it asks; its own silence is not trusted longer than its timeout, else `silenceMs` (60 s).
 */
export function livenessTimings(walSenderTimeoutMs: number, silenceMs?: number): LivenessTimings {
  const quarterMs = Math.max(1, Math.floor(walSenderTimeoutMs / 4))
  const statusMs = walSenderTimeoutMs === 0 ? 10_000 : Math.min(10_000, quarterMs)
  const silence = silenceMs ?? (walSenderTimeoutMs === 0 ? 60_000 : walSenderTimeoutMs)
  const tickMs = Math.max(1, Math.min(1_000, statusMs, Math.floor(silence / 6)))
  return { tickMs, statusMs, pingMs: Math.floor(silence / 3), silenceMs: silence }
}

/** What is to be done now. */
export function due(state: LivenessState, timings: LivenessTimings): LivenessDue {
  const silentMs = state.nowMs - state.heardMs
  const asked = state.askedMs > state.heardMs
  // A tick that comes late tells of a stall of this process: what the server sent meanwhile is not read yet.
  const stalled = state.nowMs - state.tickedMs > timings.tickMs * 3
  if (state.reading && asked && !stalled && silentMs >= timings.silenceMs) return 'dead'
  const statusDue = state.nowMs - state.statusMs >= timings.statusMs
  if (state.reading && !asked && silentMs >= timings.pingMs) return 'ping'
  return statusDue || state.unsaid ? 'status' : 'nothing'
}
