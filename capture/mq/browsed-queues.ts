import type { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { BrowsedMessage } from './browsed-transactions.ts'
import { atItsPlace } from './configured-places.ts'
import { errorOf } from './failed-event.ts'
import { readerOptions, type Readable } from './mq-source.ts'
import type { ReaderEvent } from './reader-messages.ts'
import { ReaderProcess } from './reader-process.ts'

export interface BrowsedQueues {
  /** By the index of the queue. */
  readonly messages: readonly (readonly BrowsedMessage[])[]
  /** Why a queue could not be browsed, by its name; a queue may have messages all the same, up to one that is too large. */
  readonly faults: ReadonlyMap<string, TidemarkError>
}

/** The first messages of each queue, which stay there. Throws as `MqSource.open`, but for what is wrong with single queues. */
export async function browsedQueues(
  options: Readable,
  environment: NodeJS.ProcessEnv,
  messagesMax: number
): Promise<BrowsedQueues> {
  const { queues, unitOfWork, places = null } = options
  const messages = queues.map((): BrowsedMessage[] => [])
  const reader = new ReaderProcess(environment)
  const placed = (event: Parameters<typeof errorOf>[0]) => atItsPlace(errorOf(event), places) as TidemarkError
  try {
    return await new Promise((resolve, reject) => {
      reader.listen(frame => {
        if (frame.kind === 'message') messages[frame.queue]!.push({ descriptor: frame.descriptor, body: frame.body })
        if (frame.kind !== 'event') return
        const event = JSON.parse(frame.text) as ReaderEvent
        if (event.type === 'failed') reject(placed(event))
        if (event.type !== 'browsed') return
        resolve({ messages, faults: new Map(event.faults.map(({ queue, fault }) => [queue, placed(fault)])) })
      }, reject)
      reader.send({ do: 'browse', options: readerOptions(options, unitOfWork.messages), messages: messagesMax })
    })
  } finally {
    await reader.close()
  }
}
