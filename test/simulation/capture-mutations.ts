import type { Mutation } from './mutation.ts'
export const captureMutations: readonly Mutation[] = []
