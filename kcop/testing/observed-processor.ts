import type { Processor } from '../processor.ts'

const hooks = ['process', 'begin', 'commit', 'truncate', 'schema', 'refreshStart', 'refreshEnd'] as const

/**
 * The same processor, telling what it throws: the agent withholds messages of foreign errors, since they may quote row
 * values; in a test the values are one's own.
 */
export function observed(processor: Processor, onThrown: (error: unknown) => void): Processor {
  const watched: Record<string, unknown> = { name: processor.name }
  for (const hook of hooks) {
    const own = processor[hook] as ((...given: unknown[]) => unknown) | undefined
    if (own === undefined) continue
    watched[hook] = (...given: unknown[]) => {
      try {
        return own.apply(processor, given)
      } catch (error) {
        onThrown(error)
        throw error
      }
    }
  }
  return watched as unknown as Processor
}
