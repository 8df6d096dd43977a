/*
 * V8 keeps count, for each array or object literal in the code, of how many objects made there outlived a collection. When
 * a full collection happens to run while a reader warms up, all seem to: from then on that place allocates in old space,
 * and whatever such an object refers to lives as long as it, until the next full collection. It cost the client a third
 * more time and 80 MB in about every third run (measured with --trace-pretenuring, --trace-gc). Copies are not counted:
 * what is made by the hundred thousand and dropped at once is made as a copy, of an array here or of a blank object by
 * spreading it.
 */

// oxlint-disable-next-line unicorn/no-new-array
const holes = new Array<never>(64)

/** An array of `length` empty places. */
export function shortLivedArray<T>(length: number): T[] {
  // Setting `length` of an empty array costs five times as much (measured).
  // oxlint-disable-next-line unicorn/no-new-array
  return length <= holes.length ? (holes as T[]).slice(0, length) : new Array<T>(length)
}
