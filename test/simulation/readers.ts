import { ReaderProcess, type ReaderOptions } from './reader-process.ts'
import { sharedTopic } from './weather.ts'
import type { World } from './world.ts'

/** Few records are held whole: most transactions of several are streamed. */
const smallBytes = 60

/** The readers every schedule has from its beginning. */
export function makeReaders(world: World): ReaderProcess[] {
  const origin = { cluster: world.cluster, from: 'earliest' } as const
  const readers: ReaderOptions[] = [
    { ...origin, kind: 'earliest' },
    { ...origin, kind: 'restarting', restarting: true },
    { ...origin, kind: 'subset', topics: [sharedTopic] },
    { ...origin, kind: 'streaming', restarting: true, wholeUpToBytes: smallBytes }
  ]
  if (world.mirror !== null) {
    const mirrored = { cluster: world.mirror.cluster, from: 'earliest' } as const
    readers.push({ ...mirrored, kind: 'mirror' }, { ...mirrored, kind: 'mirror restarting', restarting: true })
  }
  // Where sinks are looked at, one reader shows that there is something to be put.
  if (world.target !== null) readers.length = 1
  return readers.map(options => new ReaderProcess(world, options))
}

/** One that begins at the end, at a time, or at the bookmark of what was written last, while things happen. */
export function makeLateReader(world: World): ReaderProcess {
  const { cluster, chance, timeMs } = world
  const [place] = [...world.early.values()].slice(-1)
  if (place !== undefined && chance.happens(0.3)) {
    return new ReaderProcess(world, { kind: 'early bookmark', cluster, from: { bookmark: chance.of(place) } })
  }
  if (chance.happens(0.6)) return new ReaderProcess(world, { kind: 'latest', cluster, from: 'latest' })
  return new ReaderProcess(world, { kind: 'time', cluster, from: { timeMs: timeMs - chance.below(5_000) } })
}

/** When all has healed: from a bookmark of the first reader, here and on the mirror, and from anywhere. */
export function makeLastReaders(world: World, first: ReaderProcess): ReaderProcess[] {
  const { cluster, chance, mirror } = world
  const readers: ReaderOptions[] = []
  if (first.handedOver.length > 0) {
    const { bookmark } = chance.of(first.handedOver)
    readers.push({ kind: 'bookmark', cluster, from: { bookmark } })
    if (mirror !== null) readers.push({ kind: 'bookmark on the mirror', cluster: mirror.cluster, from: { bookmark } })
  }
  const places = [...world.early.values()]
  if (places.length > 0) {
    const from = { bookmark: chance.of(chance.of(places)) }
    readers.push({ kind: 'any early bookmark', cluster, from })
    if (mirror !== null) readers.push({ kind: 'early bookmark on the mirror', cluster: mirror.cluster, from })
  }
  const { start, end } = cluster.find(world.subscriptions[0]!.commitStream, 0)!
  readers.push({ kind: 'offset', cluster, from: { offset: start + chance.below(end - start + 1) } })
  if (world.configuration.compactedTable) readers.push({ kind: 'after compaction', cluster, from: 'earliest' })
  return readers.map(options => new ReaderProcess(world, options))
}
