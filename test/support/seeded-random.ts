import { randomInt } from 'node:crypto'

/** A generator that repeats itself for the same seed (mulberry32). Print the seed. */
export function seededRandom(seed: number = randomInt(2 ** 31)): { seed: number; random: () => number } {
  let state = seed | 0
  const random = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
  return { seed, random }
}
