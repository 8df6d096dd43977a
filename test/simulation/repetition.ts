import { judge } from './oracle.ts'
import { runSchedule } from './schedule.ts'
import type { Configuration } from './configuration.ts'

/** A failing schedule as a person reads it: what happened, in order, what is wrong, and how to see it again. */
export async function tell(seed: number, configuration: Configuration): Promise<string> {
  const outcome = await runSchedule(seed, configuration, true)
  const failures = judge(outcome)
  const books = outcome.readers.map(({ kind, handedOver, error }) => {
    const texts = handedOver.map(({ sequence, sourceId, values }) => `s${sequence} ${sourceId} [${values.join(',')}]`)
    return `reader ${kind} has: ${texts.join(' ')}${error === null ? '' : `; ${error.code}: ${error.message}`}`
  })
  return [...(outcome.world.trace ?? []), '', ...books, '', ...failures, commandFor(seed, configuration)].join('\n')
}

export function commandFor(seed: number, { name }: Configuration): string {
  return `npm run simulate -- --config ${name} --seed ${seed} --schedules 1 --trace`
}
