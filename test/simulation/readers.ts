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
  return readers.map(options => new ReaderProcess(world, options))
}
