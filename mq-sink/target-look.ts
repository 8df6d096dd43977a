import { failedEvent } from '@tidemark/capture/mq/failed-event.ts'
import type { MqError, ObjectHandle } from '@tidemark/capture/mq/mq-package.ts'
import type { MqiConnection } from '@tidemark/capture/mq/mqi-connection.ts'
import { verbError } from '@tidemark/capture/mq/reason-codes.ts'
import { isTidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { PutterEvent, StateLook, TargetLook } from './putter-messages.ts'
import type { PutterOptions } from './sink-options.ts'
import { browseStates } from './unit-putter.ts'

/** Opens everything as the sink would, but the state queue shared; gets and puts nothing. */
export function lookAtTargets(
  connection: MqiConnection,
  { stateQueue, queues }: PutterOptions
): Extract<PutterEvent, { type: 'looked' }> {
  const { id, maxUncommitted } = connection.manager()
  return {
    type: 'looked',
    system: id,
    maxUncommitted,
    state: stateLook(connection, stateQueue),
    queues: queues.map(queue => targetLook(connection, queue))
  }
}

function stateLook(connection: MqiConnection, queue: string): StateLook {
  const { MQC } = connection.mq
  const look: StateLook = { queue, fault: null, inUse: false, messages: [], backoutThreshold: 0, getInhibited: false }
  try {
    connection.close(connection.open(queue, MQC['MQOO_OUTPUT']!))
    const object = connection.open(queue, MQC['MQOO_INPUT_SHARED']! | MQC['MQOO_BROWSE']! | MQC['MQOO_INQUIRE']!)
    const attributes = connection.queue(object, queue)
    look.backoutThreshold = attributes.threshold
    look.getInhibited = attributes.getInhibited
    if (!attributes.getInhibited) look.messages = browseStates(connection, object, queue)
    connection.close(object)
  } catch (error) {
    if (isTidemarkError(error, 'MQ_QUEUE_IN_USE')) look.inUse = true
    else look.fault = failedEvent(error)
  }
  return look
}

function targetLook(connection: MqiConnection, queue: string): TargetLook {
  const { MQC } = connection.mq
  const look: TargetLook = { queue, fault: null, depth: 0, depthMax: 0, messageBytesMax: 0, putInhibited: false }
  try {
    connection.close(connection.open(queue, MQC['MQOO_OUTPUT']!))
    const object = connection.open(queue, MQC['MQOO_INQUIRE']!)
    const [depth, depthMax, messageBytesMax, putInhibit] = inquire(connection, object, queue, [
      'MQIA_CURRENT_Q_DEPTH',
      'MQIA_MAX_Q_DEPTH',
      'MQIA_MAX_MSG_LENGTH',
      'MQIA_INHIBIT_PUT'
    ])
    connection.close(object)
    return {
      ...look,
      depth: depth!,
      depthMax: depthMax!,
      messageBytesMax: messageBytesMax!,
      putInhibited: putInhibit !== 0
    }
  } catch (error) {
    return { ...look, fault: failedEvent(error) }
  }
}

function inquire(connection: MqiConnection, object: ObjectHandle, queue: string, names: readonly string[]): number[] {
  const { mq } = connection
  const attributes = names.map(name => new mq.MQAttr(mq.MQC[name]!))
  let failed: MqError | null = null
  mq.Inq(object, attributes, error => {
    failed = error
  })
  const seen = failed as MqError | null
  if (seen !== null) throw verbError('MQINQ', `queue ${queue}`, seen.mqrc)
  return attributes.map(({ value }) => Number(value))
}
