import { MemoryLog } from '../../test/support/memory-log.ts'
import type { ScriptedStream } from './scripted-stream.ts'

export interface Mirroring {
  /** Foreign records before everything, so that offsets differ from the origin's. */
  shift?: number
  /** A topic whose records have not come yet. */
  without?: string
  /** The mirror copies everything, goes back by so many records of each partition, and copies them again. */
  twice?: number
  /** After so many records of each partition the mirror goes back by `back`: later offsets are not the origin's. */
  again?: { after: number; back: number }
}

const topics = ['bank.commits', 'accounts', 'transfers']

/** Name at the mirror by name in the origin, as MirrorMaker makes them. */
export const mirrorNames: Record<string, string> = Object.fromEntries(topics.map(topic => [topic, `origin.${topic}`]))

/** The logs of `script`, copied record by record to another cluster. */
export function mirrored(script: ScriptedStream, { shift = 0, without, twice = 0, again }: Mirroring = {}): MemoryLog {
  const mirror = new MemoryLog()
  for (const topic of topics) {
    const partitions = script.log.partitionCount(topic)
    const name = mirrorNames[topic]!
    mirror.createTopic(name, partitions)
    for (let partition = 0; partition < partitions; partition++) {
      const all = topic === without ? [] : script.log.partition(topic, partition).records()
      const { after = 0, back = 0 } = again ?? {}
      const records = [...all.slice(0, after), ...all.slice(Math.max(0, after - back))]
      if (topic !== 'bank.commits') for (let index = 0; index < shift; index++) mirror.append(name, partition, [{}])
      for (const record of [...records, ...(twice > 0 ? records.slice(-twice) : [])]) {
        mirror.append(name, partition, [record])
      }
    }
  }
  return mirror
}
