import type pg from 'pg'
import { parseLsn, type Lsn } from '@tidemark/schemas/position.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'

/** A logical slot as pg_replication_slots shows it; columns of later versions are null on earlier ones. */
export interface SlotState {
  name: string
  plugin: string
  database: string
  temporary: boolean
  /** Backend that reads from it now. */
  activePid: number | null
  restartLsn: Lsn | null
  confirmedFlushLsn: Lsn | null
  /** reserved, extended, unreserved or lost; null where the slot reserves nothing. */
  walStatus: string | null
  /** Bytes of WAL that can be written before the slot is in danger; null without max_slot_wal_keep_size. */
  safeWalBytes: bigint | null
  twoPhase: boolean
  /** PostgreSQL 17. */
  failover: boolean | null
  /** PostgreSQL 17. */
  invalidationReason: string | null
  /** Bytes of WAL the server keeps for it, and bytes not yet confirmed; null on a standby. */
  retainedBytes: bigint | null
  lagBytes: bigint | null
}

interface SlotRow {
  slot: Record<string, string | number | boolean | null>
  retained: string | null
  lag: string | null
}

// to_jsonb gives what columns there are, so one statement serves every version (14 to 18).
const slotSql = `
SELECT to_jsonb(s) AS slot,
  CASE WHEN NOT pg_is_in_recovery() THEN pg_wal_lsn_diff(pg_current_wal_lsn(), s.restart_lsn)::text END AS retained,
  CASE WHEN NOT pg_is_in_recovery() THEN pg_wal_lsn_diff(pg_current_wal_lsn(), s.confirmed_flush_lsn)::text END AS lag
FROM pg_replication_slots s WHERE s.slot_name = $1`

/** The slot's state now; null when there is none of that name. */
export async function readSlot(client: pg.Client, name: string): Promise<SlotState | null> {
  const { rows } = await client.query<SlotRow>(slotSql, [name])
  return rows[0] === undefined ? null : slotOf(rows[0])
}

function slotOf({ slot, retained, lag }: SlotRow): SlotState {
  const text = (name: string): string | null => (slot[name] as string | null | undefined) ?? null
  return {
    name: text('slot_name')!,
    plugin: text('plugin') ?? '',
    database: text('database') ?? '',
    temporary: slot['temporary'] === true,
    activePid: (slot['active_pid'] as number | null | undefined) ?? null,
    restartLsn: lsnOrNull(text('restart_lsn')),
    confirmedFlushLsn: lsnOrNull(text('confirmed_flush_lsn')),
    walStatus: text('wal_status'),
    safeWalBytes: typeof slot['safe_wal_size'] === 'number' ? BigInt(slot['safe_wal_size']) : null,
    twoPhase: slot['two_phase'] === true,
    failover: (slot['failover'] as boolean | null | undefined) ?? null,
    invalidationReason: text('invalidation_reason'),
    retainedBytes: retained === null ? null : BigInt(retained),
    lagBytes: lag === null ? null : BigInt(lag)
  }
}

function lsnOrNull(text: string | null): Lsn | null {
  return text === null ? null : parseLsn(text)
}

/**
 * The slot, fit to be read by pgoutput in this database. Throws SLOT_MISSING, SLOT_LOST, SLOT_UNSUITABLE.
 */
export function usableSlot(slot: SlotState | null, name: string, database: string): SlotState {
  if (slot === null) {
    throw new TidemarkError('SLOT_MISSING', { message: `the server has no replication slot ${name}` })
  }
  const lost = slot.invalidationReason ?? (slot.walStatus === 'lost' ? 'its WAL was removed' : null)
  if (lost !== null) {
    throw new TidemarkError('SLOT_LOST', { message: `the server has invalidated replication slot ${name}: ${lost}` })
  }
  if (slot.plugin !== 'pgoutput' || slot.database !== database) {
    throw new TidemarkError('SLOT_UNSUITABLE', {
      message: `replication slot ${name} is ${slot.plugin || 'physical'} of database ${slot.database || '(none)'}, not pgoutput of ${database}`
    })
  }
  return slot
}
