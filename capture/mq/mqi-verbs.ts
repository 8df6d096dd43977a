import { endianness } from 'node:os'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { BackoutPolicy } from './backout-policy.ts'
import type { MqQueueOptions } from './connection-options.ts'
import { deadLetterFormat, deadLetterHeader, thresholdReached } from './dead-letter-header.ts'
import type { MessageDescriptor, QueueMessage } from './message.ts'
import type { GetRequest, Got, MessageVerbs } from './message-verbs.ts'
import type { MqError, ObjectHandle, RawDescriptor, RawGetOptions } from './mq-package.ts'
import type { MqiConnection } from './mqi-connection.ts'
import { commitError, gotUnconverted, reason, verbError } from './reason-codes.ts'

export interface OpenQueue {
  options: MqQueueOptions
  object: ObjectHandle
  backout: BackoutPolicy
}

export interface MqiVerbsOptions {
  queues: readonly OpenQueue[]
  /** The queue manager's own name. */
  manager: string
  messageBytesMax: number
}

const none: Got = { type: 'none', inhibited: false }
const inhibited: Got = { type: 'none', inhibited: true }
const unitFull: Got = { type: 'unit-full' }
const warning = 1
const utf8 = 1208

/** MQGET, MQPUT, MQCMIT and MQBACK through `ibmmq`. */
export class MqiVerbs implements MessageVerbs {
  private readonly connection: MqiConnection
  private readonly parts: MqiVerbsOptions
  private readonly backoutObjects = new Map<string, ObjectHandle>()
  private readonly descriptor: RawDescriptor
  private readonly options: RawGetOptions
  private buffer = Buffer.alloc(65_536)
  private length = 0
  private failure: MqError | null = null
  private readonly gotten = (error: MqError | null, length: number) => {
    this.failure = error
    this.length = length
  }

  constructor(connection: MqiConnection, parts: MqiVerbsOptions) {
    this.connection = connection
    this.parts = parts
    this.descriptor = new connection.mq.MQMD()
    this.options = new connection.mq.MQGMO()
  }

  get(request: GetRequest): Got {
    const queue = this.parts.queues[request.queue]!
    this.getOnce(queue, request)
    if (this.failure?.mqrc === reason.truncated) {
      this.grow(queue)
      this.getOnce(queue, request)
    }
    const { failure } = this
    if (failure === null || (failure.mqcc === warning && gotUnconverted.has(failure.mqrc))) {
      return { type: 'message', message: this.message() }
    }
    if (failure.mqrc === reason.noMessage) return none
    if (failure.mqrc === reason.getInhibited) return inhibited
    if (failure.mqrc === reason.syncpointLimit) return unitFull
    throw verbError('MQGET', `queue ${queue.options.name}`, failure.mqrc)
  }

  setAside(index: number, message: QueueMessage): 'moved' | 'unit-full' {
    const { connection } = this
    const { mq } = connection
    const { backout, options } = this.parts.queues[index]!
    let object = this.backoutObjects.get(backout.queue)
    if (object === undefined) {
      object = connection.open(backout.queue, mq.MQC['MQOO_OUTPUT']!)
      this.backoutObjects.set(backout.queue, object)
    }
    const pmo = new mq.MQPMO()
    pmo['Options'] = mq.MQC['MQPMO_SYNCPOINT']
    // The descriptor of the get is still in place: ids, group, format and expiry go along.
    const { descriptor, body } =
      backout.isDeadLetterQueue === true
        ? this.deadLetter(options.name, message)
        : { descriptor: this.descriptor, body: message.body }
    let failure: MqError | null = null
    mq.PutSync(object, descriptor, pmo, body, error => {
      failure = error
    })
    const seen = failure as MqError | null
    if (seen === null) return 'moved'
    if (seen.mqrc === reason.syncpointLimit) return 'unit-full'
    throw verbError('MQPUT', `queue ${backout.queue}`, seen.mqrc)
  }

  /** As MQ wants messages on a dead-letter queue: behind a header that says why, and of what format the rest is. */
  private deadLetter(queue: string, { descriptor, body }: QueueMessage): { descriptor: RawDescriptor; body: Buffer } {
    const { mq, applicationName } = this.connection
    const header = deadLetterHeader(
      {
        reason: thresholdReached,
        queue,
        queueManager: this.parts.manager,
        encoding: descriptor.encoding,
        ccsid: descriptor.ccsid,
        format: descriptor.format,
        applicationType: mq.MQC['MQAT_DEFAULT']!,
        application: applicationName,
        movedAt: new Date()
      },
      endianness() === 'LE'
    )
    const outer = Object.assign(new mq.MQMD(), this.descriptor, {
      Format: deadLetterFormat,
      Encoding: mq.MQC['MQENC_NATIVE']!,
      CodedCharSetId: utf8
    })
    return { descriptor: outer, body: Buffer.concat([header, body]) }
  }

  commit(): void {
    let failure: MqError | null = null
    this.connection.mq.Cmit(this.connection.handle, error => {
      failure = error
    })
    const seen = failure as MqError | null
    if (seen !== null) throw commitError(this.connection.queueManager, seen.mqrc)
  }

  back(): void {
    this.connection.mq.Back(this.connection.handle, () => {})
  }

  private getOnce({ object, options }: OpenQueue, { waitMs, groups, browse }: GetRequest): void {
    const { descriptor, options: gmo, connection } = this
    const { MQC } = connection.mq
    gmo.Options =
      (browse === undefined ? MQC['MQGMO_SYNCPOINT']! : MQC['MQGMO_NO_SYNCPOINT']! | browsing(MQC, browse)) |
      MQC['MQGMO_FAIL_IF_QUIESCING']! |
      MQC['MQGMO_PROPERTIES_FORCE_MQRFH2']! |
      (waitMs > 0 ? MQC['MQGMO_WAIT']! : 0) |
      (groups ? MQC['MQGMO_LOGICAL_ORDER']! | MQC['MQGMO_ALL_MSGS_AVAILABLE']! : 0) |
      (options.convert ? MQC['MQGMO_CONVERT']! : 0)
    gmo.WaitInterval = waitMs
    // The package's default matches the ids in the descriptor, which are those of the message before.
    gmo.MatchOptions = 0
    descriptor.CodedCharSetId = utf8
    descriptor.Encoding = MQC['MQENC_NATIVE']!
    connection.mq.GetSync(object, descriptor, gmo, this.buffer, this.gotten)
  }

  private grow({ options }: OpenQueue): void {
    const { messageBytesMax } = this.parts
    if (this.length > messageBytesMax) {
      throw new TidemarkError('MQ_MESSAGE_TOO_LARGE', {
        message: `a message of queue ${options.name} has ${this.length} bytes, \`mq.messageBytesMax\` is ${messageBytesMax}`,
        place: options.name
      })
    }
    // Twice: a conversion may lengthen it.
    this.buffer = Buffer.alloc(this.length * 2)
  }

  private message(): QueueMessage {
    const { GroupStatus } = this.options
    return {
      descriptor: descriptorOf(this.descriptor),
      body: this.buffer.subarray(0, this.length),
      group: GroupStatus === 'G' ? 'member' : GroupStatus === 'L' ? 'last' : 'none'
    }
  }
}

function browsing(MQC: Readonly<Record<string, number>>, browse: 'first' | 'next'): number {
  return browse === 'first' ? MQC['MQGMO_BROWSE_FIRST']! : MQC['MQGMO_BROWSE_NEXT']!
}

export function descriptorOf(raw: RawDescriptor): MessageDescriptor {
  return {
    msgId: raw.MsgId,
    correlId: raw.CorrelId,
    groupId: raw.GroupId,
    sequence: raw.MsgSeqNumber,
    flags: raw.MsgFlags,
    ccsid: raw.CodedCharSetId,
    encoding: raw.Encoding,
    format: (raw.Format ?? '').trim(),
    priority: raw.Priority,
    persistence: raw.Persistence,
    expiry: raw.Expiry,
    msgType: raw.MsgType,
    feedback: raw.Feedback,
    report: raw.Report,
    backoutCount: raw.BackoutCount,
    putDate: raw.PutDate ?? '',
    putTime: raw.PutTime ?? '',
    replyToQueue: (raw.ReplyToQ ?? '').trim(),
    replyToQueueManager: (raw.ReplyToQMgr ?? '').trim(),
    userIdentifier: (raw.UserIdentifier ?? '').trim(),
    putApplication: (raw.PutApplName ?? '').trim()
  }
}
