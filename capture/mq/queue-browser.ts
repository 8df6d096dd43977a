import type { FailedEvent } from './failed-event.ts'
import { failedEvent } from './failed-event.ts'
import type { FrameWriter } from './frame.ts'
import type { MqiConnection } from './mqi-connection.ts'
import { MqiVerbs, type OpenQueue } from './mqi-verbs.ts'
import type { ReaderOptions } from './connection-options.ts'
import type { ReaderEvent } from './reader-messages.ts'

/** Of all queues, in equal shares; of each at least one message. What is browsed is held at the other end. */
const bytesMax = 67_108_864
const noBackout = { threshold: 0, queue: '' }

/**
 * Shows the first messages of each queue and leaves them there: MQOO_BROWSE, which another program's exclusive input does not
 * hinder, and MQGMO_BROWSE_FIRST and _NEXT. What another unit of work has got is not to be seen. Messages go to `frames` by
 * the index of their queue; the answer says what could not be browsed.
 */
export function browseQueues(
  connection: MqiConnection,
  options: ReaderOptions,
  messagesMax: number,
  frames: FrameWriter
): Extract<ReaderEvent, { type: 'browsed' }> {
  const faults: { queue: string; fault: FailedEvent }[] = []
  options.queues.forEach((queue, index) => {
    try {
      const { MQC } = connection.mq
      const object = connection.open(queue.name, MQC['MQOO_BROWSE']! | MQC['MQOO_FAIL_IF_QUIESCING']!)
      browseOne(connection, { options: queue, object, backout: noBackout }, index, { options, messagesMax, frames })
      connection.close(object)
    } catch (error) {
      faults.push({ queue: queue.name, fault: failedEvent(error) })
    }
  })
  return { type: 'browsed', faults }
}

interface Browsing {
  options: ReaderOptions
  messagesMax: number
  frames: FrameWriter
}

function browseOne(
  connection: MqiConnection,
  queue: OpenQueue,
  index: number,
  { options, messagesMax, frames }: Browsing
): void {
  const { messageBytesMax, queues } = options
  const verbs = new MqiVerbs(connection, { queues: [queue], manager: '', messageBytesMax })
  let bytes = 0
  for (let count = 0; count < messagesMax && bytes < bytesMax / queues.length; count++) {
    const got = verbs.get({ queue: 0, waitMs: 0, groups: false, browse: count === 0 ? 'first' : 'next' })
    if (got.type !== 'message') return
    bytes += got.message.body.length
    frames.message(index, false, got.message.descriptor, got.message.body)
  }
}
