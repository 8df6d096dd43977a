import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { PositionBytes } from '@tidemark/schemas/position.ts'
import type { SourceIdentity } from '../source.ts'
import type { StreamState } from './stream-state.ts'

/**
 * Refuses a source that does not continue the stream. `confirmed` is the source's own confirmed position, sampled
 * before `state` was read; null where a source has none.
 */
export function refuse(
  state: StreamState,
  source: SourceIdentity,
  confirmed: PositionBytes | null,
  refreshing: boolean
): void {
  if (source.system !== state.system) {
    throw new TidemarkError('OTHER_SYSTEM', {
      message: `the source is system ${source.system}, the subscription was captured from ${state.system}`
    })
  }
  if (state.timeline !== null && source.timeline !== state.timeline) {
    throw new TidemarkError('OTHER_TIMELINE', {
      message: `the source is on timeline ${source.timeline}, the last owner saw ${state.timeline}`
    })
  }
  // A copy that starts anew has a new slot: what lies before it is in the copy.
  if (!refreshing && confirmed !== null && Buffer.compare(confirmed, state.position) > 0) {
    throw new TidemarkError('SLOT_AHEAD', {
      message: `the source was confirmed at ${hex(confirmed)}, beyond the last published position ${hex(state.position)}`
    })
  }
  if (state.refresh !== 'none' && !refreshing) {
    throw new TidemarkError('REFRESH_INCOMPLETE', { message: 'the first copy of the present rows is not finished' })
  }
}

function hex(position: PositionBytes): string {
  return Buffer.from(position).toString('hex')
}
