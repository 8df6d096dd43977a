import type { MqSubscription } from '../config/configuration.ts'
import type { ConfiguredPlaces } from './configured-places.ts'
import type { MqSourceOptions } from './mq-source.ts'

/** Between tries to open a queue that another program has open. */
const retryMs = 1_000
/** Longer than a queue manager with the usual HBINT of 300 s takes to notice that a client is gone. */
const doubtMs = 900_000

/** What the configuration says of the source. */
export function mqSourceOptions(
  configuration: MqSubscription
): Omit<MqSourceOptions, 'environment' | 'now' | 'after' | 'onEvent' | 'onReader'> & { places: ConfiguredPlaces } {
  const { connection, connectionPlace, queues, unitOfWork, openMsMax, messageBytesMax, monitoringTopic } =
    configuration.mq
  return {
    connection,
    queues: queues.map(queue => {
      const { name, unit, batchMessages, batchMs, backoutThreshold, backoutQueue, deadLetterQueue, convert } = queue
      return { name, unit, batchMessages, batchMs, backoutThreshold, backoutQueue, deadLetterQueue, convert }
    }),
    applicationName: `tidemark ${configuration.subscription}`,
    besideFile: configuration.file,
    unitOfWork,
    unitMsMax: openMsMax,
    messageBytesMax,
    tellsSetAside: monitoringTopic !== null,
    retryMs,
    doubtMs,
    places: {
      queueManager: connection.queueManager,
      connection: connectionPlace,
      queues: new Map(queues.map(({ name, place }) => [name, place]))
    }
  }
}
