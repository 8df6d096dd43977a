import type pg from 'pg'
import type { ServerFacts } from '../postgres/inspection.ts'
import type { SlotState } from '../postgres/slot-state.ts'

/** How a slot fares: its condition in one word, and how long it would last if nobody read from it. */
export interface SlotOutlook {
  condition: 'missing' | 'lost' | 'unreserved' | 'extended' | 'streaming' | 'idle'
  /** null: no limit, or none that can be estimated. */
  hoursLeft: number | null
}

/** What estimates rest on. */
export interface SlotRates {
  /** WAL the server writes, on average since its statistics began; null when there are none. */
  walBytesPerSecond: number | null
  /** How long nobody has read from the slot (PostgreSQL 17); null while somebody does. */
  inactiveSeconds: number | null
}

// pg_stat_wal came with PostgreSQL 14, inactive_since with 17; to_jsonb gives what columns there are.
const ratesSql = `
SELECT (SELECT (wal_bytes / greatest(extract(epoch FROM now() - stats_reset), 1))::float8 FROM pg_stat_wal) AS "walBytesPerSecond",
  (SELECT extract(epoch FROM now() - (to_jsonb(s) ->> 'inactive_since')::timestamptz)::float8
   FROM pg_replication_slots s WHERE slot_name = $1) AS "inactiveSeconds"`

export async function readSlotRates(client: pg.Client, slot: string): Promise<SlotRates> {
  const { rows } = await client.query<SlotRates>(ratesSql, [slot])
  return rows[0]!
}

export function slotOutlook(slot: SlotState | null, server: ServerFacts, rates: SlotRates): SlotOutlook {
  if (slot === null) return { condition: 'missing', hoursLeft: null }
  if (slot.walStatus === 'lost' || slot.invalidationReason !== null) return { condition: 'lost', hoursLeft: 0 }
  const limits = [walHours(slot, rates), idleHours(slot, server, rates)].filter(hours => hours !== null)
  const hoursLeft = limits.length === 0 ? null : Math.max(0, Math.min(...limits))
  if (slot.walStatus === 'unreserved' || slot.walStatus === 'extended') return { condition: slot.walStatus, hoursLeft }
  return { condition: slot.activePid === null ? 'idle' : 'streaming', hoursLeft }
}

/** Until max_slot_wal_keep_size is used up at the server's average rate. */
function walHours(slot: SlotState, { walBytesPerSecond }: SlotRates): number | null {
  if (slot.safeWalBytes === null || walBytesPerSecond === null || walBytesPerSecond <= 0) return null
  return Number(slot.safeWalBytes) / walBytesPerSecond / 3600
}

/** Until idle_replication_slot_timeout (PostgreSQL 18) has passed. */
function idleHours(slot: SlotState, { idleReplicationSlotTimeoutS }: ServerFacts, rates: SlotRates): number | null {
  if (!idleReplicationSlotTimeoutS || slot.activePid !== null) return null
  return (idleReplicationSlotTimeoutS - (rates.inactiveSeconds ?? 0)) / 3600
}
