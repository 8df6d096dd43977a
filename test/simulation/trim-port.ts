import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { Trimming } from '../../capture/ownership/trimming.ts'
import type { Chance } from './chance.ts'
import type { Host } from './host.ts'
import type { PartitionLog } from './partition-log.ts'
import type { World } from './world.ts'

export type TrimmingTimes = Pick<Trimming, 'retentionMs' | 'renewMs'>

/** A DeleteRecords that its sender has given up, or did not live to see. */
export interface Deletion {
  log: PartitionLog
  offset: number
}

export function trimmingTimes(chance: Chance): TrimmingTimes {
  return { retentionMs: chance.of([0, 30, 300, 2_000]), renewMs: chance.of([100, 500, 2_000]) }
}

/** Trimming as one process does it: requests are refused, lost, late; answers are lost. */
export function trimmingOf(host: Host, commitStream: string): Trimming | null {
  const { world } = host
  if (world.trimming === null) return null
  return { ...world.trimming, deleteBefore: offset => host.ask(() => request(world, commitStream, offset)) }
}

function request(world: World, commitStream: string, offset: number): void {
  const { chance, healing } = world
  const deletion = { log: world.cluster.find(commitStream, 0)!, offset }
  if (!healing && chance.happens(0.1)) {
    throw new TidemarkError('KAFKA_AUTHORIZATION', { message: 'the broker refuses Delete on the commit stream' })
  }
  if (healing || chance.happens(0.7)) return perform(world, deletion)
  if (chance.happens(0.7)) world.deletions.push(deletion)
  throw new TidemarkError('KAFKA_UNREACHABLE', { message: 'outcome unknown: the connection was lost' })
}

/** One that was on its way arrives. */
export function deliverDeletion(world: World): void {
  const { deletions, chance } = world
  if (deletions.length === 0 || !(world.healing || chance.happens(0.2))) return
  perform(world, deletions.splice(chance.below(deletions.length), 1)[0]!)
}

function perform(world: World, { log, offset }: Deletion): void {
  if (offset > log.highWatermark) {
    throw new TidemarkError('TOPIC_UNSUITABLE', { message: `OFFSET_OUT_OF_RANGE: ${offset} of ${log.highWatermark}` })
  }
  if (offset <= log.start) return
  log.deleteBefore(offset)
  world.counters.trims++
  world.note(() => `${log.name} is trimmed and begins at ${offset}`)
}
