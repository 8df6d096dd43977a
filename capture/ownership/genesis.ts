import { noExtensions, type Extensions } from '@tidemark/schemas/commit-stream.ts'
import type { PositionBytes } from '@tidemark/schemas/position.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { BatchProducer } from './batch-producer.ts'
import { CommitStreamWriter, type CommitStreamLog } from './commit-stream-log.ts'
import { refreshExtension } from './stream-state.ts'

export interface GenesisOptions {
  subscription: string
  log: CommitStreamLog
  openSession(stream: number, signal: AbortSignal): Promise<BatchProducer>
  signal: AbortSignal
  now(): number
  randomBytes(length: number): Uint8Array
  /** Of the source: the cluster, and the slot's creation point. */
  system: string
  position: PositionBytes
  /** Present rows are to be copied before mirroring. */
  refresh: boolean
  /** Further extensions of the record. */
  extensions?: Extensions
}

/**
 * Writes the first record of a commit stream, after the source's slot exists. Resolves with the stream's id, four
 * random bytes chosen here once for ever. Throws TOPIC_UNSUITABLE when anything is or was in the stream.
 */
export async function writeGenesis(options: GenesisOptions): Promise<number> {
  const { log } = options
  await refuseWritten(log)
  const stream = Buffer.from(options.randomBytes(4)).readUInt32BE()
  const session = await options.openSession(stream, options.signal)
  const writer = new CommitStreamWriter(log.topic, options.subscription, session, 0)
  const offset = await writer.append(
    [
      {
        type: 'genesis',
        stream,
        subscription: options.subscription,
        system: options.system,
        position: options.position,
        known: { offset: 0, epoch: 0, claim: 0 },
        extensions: new Map([
          ...(options.extensions ?? noExtensions),
          ...(options.refresh ? [[refreshExtension, Buffer.from('wanted')] as const] : [])
        ])
      }
    ],
    options.now()
  )
  if (offset !== 0) throw notEmpty(log.topic)
  return stream
}

async function refuseWritten(log: CommitStreamLog): Promise<void> {
  const { end } = await log.bounds()
  if (end > 0) throw notEmpty(log.topic)
}

function notEmpty(topic: string): TidemarkError {
  return new TidemarkError('TOPIC_UNSUITABLE', {
    message: 'the commit stream is not empty: a new subscription must begin at its first offset',
    place: topic,
    cure: 'delete the topic if nobody reads it any more, or choose another `commitStream`'
  })
}
