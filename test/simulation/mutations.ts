import type { Mutation } from './mutation.ts'
import { captureMutations } from './capture-mutations.ts'
import { queueMutations } from './queue-mutations.ts'
import { readerMutations } from './reader-mutations.ts'
import { sinkMutations } from './sink-mutations.ts'
import { trimMutations } from './trim-mutations.ts'

export const mutations: readonly Mutation[] = [
  ...captureMutations,
  ...queueMutations,
  ...readerMutations,
  ...sinkMutations,
  ...trimMutations
]

/** Throws RangeError for a name that is not there. */
export function mutationNamed(name: string): Mutation {
  const found = mutations.find(mutation => mutation.name === name)
  if (found === undefined) throw new RangeError(`no mutation ${name}`)
  return found
}
