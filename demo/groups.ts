/**
 * What is there already, up to `most` at a time: a slow target writes many transactions at once when it is behind, and
 * each by itself when it keeps up.
 */
export async function* groups<T>(source: AsyncIterable<T>, most: number): AsyncGenerator<T[]> {
  const iterator = source[Symbol.asyncIterator]()
  let next = iterator.next()
  for (;;) {
    const first = await next
    if (first.done) return
    const group = [first.value]
    next = iterator.next()
    while (group.length < most) {
      const more = await Promise.race([next, soon()])
      if (more === null) break
      if (more.done) {
        yield group
        return
      }
      group.push(more.value)
      next = iterator.next()
    }
    yield group
  }
}

function soon(): Promise<null> {
  return new Promise(resolve => setImmediate(() => resolve(null)))
}
