import type { Log } from '../log.ts'
import type { ReaderEvent } from '../mq/reader-messages.ts'

/** What the reader of queues has to say, in the log. */
export function tellQueueEvent(log: Log, event: ReaderEvent): void {
  switch (event.type) {
    case 'waiting':
      return log.warn('agent.standby', `queue ${event.queue} is open in another program; waiting for it`)
    case 'inhibited':
      return log.warn('mq.inhibited', `gets from queue ${event.queue} are inhibited; asking again`)
    case 'left-alone': {
      const { queue, restMs } = event
      const text = `Kafka does not take the records of queue ${queue}: it is left alone for ${Math.round(restMs / 1000)} s, others go on`
      return log.warn('mq.left-alone', text, { queue, restMs })
    }
    case 'set-aside': {
      const { queue, backoutQueue, msgId, backoutCount } = event
      const text = `a message of queue ${queue} was backed out ${backoutCount} times: moved to ${backoutQueue}`
      return log.warn('mq.set-aside', text, { queue, backoutQueue, msgId, backoutCount })
    }
    case 'opened':
    case 'looked':
    case 'browsed':
    case 'rested':
    case 'failed':
      return
  }
}
