import type { Mutation } from './mutation.ts'
export const readerMutations: readonly Mutation[] = []
