import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'

/** How far a sink has come: what it says in its one state message. */
export interface SinkState {
  place: Place
  /**
   * Of a transaction of which a part is put, as one message group over several units of work: the next number in it, by
   * queue.
   */
  part: { transaction: string; next: Readonly<Record<string, number>> } | null
}

/** A bookmark (or `earliest`) in a commit stream; next offsets of plain topics, by partition. */
export type Place = { bookmark: string } | { offsets: Readonly<Record<string, readonly number[]>> }

const form = 'tidemark mq-sink 1'

/** `source`: what the sink reads, so that its state is not taken for that of another. */
export function stateText(sink: string, source: string, { place, part }: SinkState): string {
  return JSON.stringify({ form, sink, source, ...place, ...(part === null ? {} : { part }) })
}

/** Throws MQ_STATE_INVALID. */
export function parseState(text: string, sink: string, source: string, queue: string): SinkState {
  const state = parsed(text)
  if (state === null || state['form'] !== form) throw invalid(queue, 'holds a message that is no state of a sink')
  for (const [name, own] of [
    ['sink', sink],
    ['source', source]
  ] as const) {
    if (state[name] !== own)
      throw invalid(queue, `holds the state of ${name} \`${String(state[name])}\`, this is \`${own}\``)
  }
  const { bookmark, offsets, part } = state as { bookmark?: unknown; offsets?: unknown; part?: SinkState['part'] }
  if (typeof bookmark === 'string') return { place: { bookmark }, part: part ?? null }
  if (!areOffsets(offsets)) throw invalid(queue, 'holds a state without a place')
  return { place: { offsets }, part: null }
}

function parsed(text: string): Record<string, unknown> | null {
  try {
    const value = JSON.parse(text) as unknown
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null
  } catch {
    return null
  }
}

function areOffsets(value: unknown): value is Record<string, number[]> {
  if (typeof value !== 'object' || value === null) return false
  return Object.values(value).every(
    offsets => Array.isArray(offsets) && offsets.every(offset => Number.isSafeInteger(offset) && Number(offset) >= 0)
  )
}

function invalid(queue: string, what: string): TidemarkError {
  return new TidemarkError('MQ_STATE_INVALID', { message: `the state queue ${queue} ${what}`, place: `queue ${queue}` })
}
