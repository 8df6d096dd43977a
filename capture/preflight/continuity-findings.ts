import { lsnToBytes } from '@tidemark/schemas/position.ts'
import type { ErrorCode } from '@tidemark/schemas/error-codes.ts'
import { isTidemarkError, TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { findingOf, type Finding } from '../finding.ts'
import { refuse } from '../ownership/refusal.ts'
import type { StreamState } from '../ownership/stream-state.ts'
import type { SourceIdentity } from '../source.ts'
import { usableSlot, type SlotState } from '../postgres/slot-state.ts'

/** What says where a subscription stands: the slot, and the commit stream. null: there is none, or it is empty. */
export interface Standing {
  slot: SlotState | null
  slotName: string
  commitStreamName: string
  database: string
  identity: SourceIdentity
  publicationExists: boolean
  stream: StreamState | null
}

/** Whether slot, publication and commit stream continue each other, as a start would find. */
export function continuityFindings(standing: Standing): Finding[] {
  if (standing.stream === null) return orphanFindings(standing)
  try {
    if (standing.stream.refresh !== 'none') {
      // The copy begins anew, with a slot of its own: only the database must be the same.
      refuse(standing.stream, standing.identity, null, true)
      return []
    }
    const slot = usableSlot(standing.slot, standing.slotName, standing.database)
    const confirmed = slot.confirmedFlushLsn
    refuse(standing.stream, standing.identity, confirmed === null ? null : lsnToBytes(confirmed), false)
    refuseWithoutPublication(standing)
    return slotFindings(slot)
  } catch (error) {
    if (isTidemarkError(error))
      return [{ ...findingOf(error), place: `slot ${standing.slotName}`, ...anew(error, standing) }]
    throw error
  }
}

const gone = new Set<ErrorCode>(['SLOT_MISSING', 'SLOT_LOST', 'SLOT_AHEAD', 'PUBLICATION_UNSUITABLE'])

/** What is lost to the log cannot be had from it again, and a commit stream does not begin twice. */
function anew(error: TidemarkError, { commitStreamName }: Standing): Pick<Finding, 'remedy'> {
  if (!gone.has(error.code)) return { remedy: error.cure }
  return {
    remedy: `changes are lost to commit stream ${commitStreamName}: \`tidemark retire --yes\`, set another \`commitStream\`, \`tidemark apply\` (new first copy)`
  }
}

/** A slot without a commit stream was left by an interrupted apply, or belongs to another program: nobody can tell. */
function orphanFindings({ slot, slotName }: Standing): Finding[] {
  if (slot === null) return []
  const what = `replication slot ${slotName} exists while the commit stream is empty: an interrupted apply left it, or another program uses it`
  const remedy = `if nobody needs it: SELECT pg_drop_replication_slot('${slotName}');  -- else choose another \`postgres.slot\``
  return [{ code: 'SLOT_UNSUITABLE', severity: 'error', what, place: `slot ${slotName}`, remedy }]
}

/** facts/postgres.md 8: a publication made after the slot does not heal it. */
function refuseWithoutPublication({ publicationExists, slotName }: Standing): void {
  if (publicationExists) return
  throw new TidemarkError('PUBLICATION_UNSUITABLE', {
    message: `the publication is gone; slot ${slotName} needs one that is older than itself`
  })
}

/** How near a slot is to being lost. */
function slotFindings(slot: SlotState): Finding[] {
  if (slot.walStatus !== 'unreserved' && slot.walStatus !== 'extended') return []
  const unreserved = slot.walStatus === 'unreserved'
  const what = unreserved
    ? `replication slot ${slot.name} is about to be lost: the server has begun to remove WAL it needs`
    : `replication slot ${slot.name} keeps more WAL than max_wal_size`
  const remedy = 'let the agent run and catch up; raise max_slot_wal_keep_size if the disk allows it'
  return [{ code: 'SLOT_LOST', severity: unreserved ? 'error' : 'warning', what, place: `slot ${slot.name}`, remedy }]
}
