import { setFlagsFromString } from 'node:v8'

/**
 * For a process that is an agent: V8 guesses from the first seconds whether the objects made at a place live long, and then
 * makes them old ones for good. What a transaction needs lives until its flush, so the guess goes either way from start to
 * start, and where it goes wrong a row costs a fifth more CPU and the process 60 MB more (docs/decisions/0040). Set while
 * running: a V8 that has no such guess says so and goes on, while at the start it would end.
 */
export function keepObjectsYoung(): void {
  setFlagsFromString('--no-allocation-site-pretenuring')
}
