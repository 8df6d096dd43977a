import { commitError, reason } from '@tidemark/capture/mq/reason-codes.ts'
import type { MqError, ObjectHandle, RawDescriptor } from '@tidemark/capture/mq/mq-package.ts'
import type { MqiConnection } from '@tidemark/capture/mq/mqi-connection.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { putError, stateError } from './put-errors.ts'
import { noId, type PutMessage } from './put-message.ts'

/** For one state message; of the whole process, whose verbs come one after the other. */
const stateBuffer = Buffer.alloc(1_000_000)
const datagram = 8

/**
 * The one state message, on a queue that this connection holds for itself alone, and units of work: each gets the state,
 * puts messages, puts the next state, commits. Every verb blocks.
 */
export class UnitPutter {
  private readonly connection: MqiConnection
  private readonly stateQueue: string
  private readonly stateInput: ObjectHandle
  private readonly stateOutput: ObjectHandle
  private readonly queues: readonly { name: string; object: ObjectHandle }[]
  private readonly descriptor: RawDescriptor & Record<string, unknown>
  private readonly options: Record<string, unknown>
  private state: string | null
  private isOpen = false
  private failure: MqError | null = null
  private readonly done = (error: MqError | null) => {
    this.failure = error
  }

  /** Throws MQ_QUEUE_IN_USE while another connection holds the state queue, MQ_STATE_INVALID, MQ_QUEUE_MISSING and others. */
  constructor(connection: MqiConnection, stateQueue: string, queues: readonly string[]) {
    const { MQC } = connection.mq
    this.connection = connection
    this.stateQueue = stateQueue
    const quiescing = MQC['MQOO_FAIL_IF_QUIESCING']!
    this.stateInput = connection.open(
      stateQueue,
      MQC['MQOO_INPUT_EXCLUSIVE']! | MQC['MQOO_BROWSE']! | MQC['MQOO_INQUIRE']! | quiescing
    )
    this.stateOutput = connection.open(stateQueue, MQC['MQOO_OUTPUT']! | quiescing)
    this.queues = queues.map(name => ({ name, object: connection.open(name, MQC['MQOO_OUTPUT']! | quiescing) }))
    this.descriptor = new connection.mq.MQMD() as RawDescriptor & Record<string, unknown>
    this.options = new connection.mq.MQPMO()
    const states = browseStates(connection, this.stateInput, stateQueue)
    if (states.length > 1) throw invalidState(stateQueue, 'has more than one message')
    this.state = states[0] ?? null
  }

  /** As it was when the queue was opened, or was last committed; null: none. */
  get committedState(): string | null {
    return this.state
  }

  /** Where there is none yet. */
  begin(state: string): void {
    this.putState(state)
    this.commitUnit(state)
  }

  put(message: PutMessage): void {
    if (!this.isOpen) this.open()
    const { name, object } = this.queues[message.queue]!
    this.describe(message)
    this.putOnce(object, message.body[0]!)
    if (this.failure !== null) throw putError(name, this.failure.mqrc)
  }

  /** Throws MQ_COMMIT_IN_DOUBT, MQ_UNIT_BACKED_OUT. */
  commit(state: string): void {
    if (!this.isOpen) this.open()
    this.putState(state)
    this.commitUnit(state)
  }

  /** Takes the state into the unit of work: nobody else can have it, and a back-out gives it back. */
  private open(): void {
    const { mq } = this.connection
    const md = new mq.MQMD()
    const gmo = new mq.MQGMO()
    gmo.Options = mq.MQC['MQGMO_SYNCPOINT']! | mq.MQC['MQGMO_FAIL_IF_QUIESCING']! | mq.MQC['MQGMO_NO_PROPERTIES']!
    gmo.MatchOptions = 0
    let length = 0
    mq.GetSync(this.stateInput, md, gmo, stateBuffer, (error, taken) => {
      this.failure = error
      length = taken
    })
    if (this.failure?.mqrc === reason.noMessage) throw missingState(this.stateQueue)
    if (this.failure !== null) throw stateError(this.stateQueue, this.failure.mqrc)
    if (stateBuffer.toString('utf8', 0, length) !== this.state) throw invalidState(this.stateQueue, 'was written to')
    this.isOpen = true
  }

  private putState(state: string): void {
    this.describe({
      queue: -1,
      persistence: 1,
      priority: -1,
      expiry: -1,
      type: datagram,
      feedback: 0,
      ccsid: 1208,
      encoding: this.connection.mq.MQC['MQENC_NATIVE']!,
      flags: 0,
      sequence: 1,
      correlId: noId,
      groupId: noId,
      format: 'MQSTR',
      replyToQueue: '',
      replyToQueueManager: '',
      body: []
    })
    this.putOnce(this.stateOutput, Buffer.from(state))
    if (this.failure !== null) throw putError(this.stateQueue, this.failure.mqrc)
  }

  private commitUnit(state: string): void {
    this.connection.mq.Cmit(this.connection.handle, this.done)
    if (this.failure !== null) throw commitError(this.connection.queueManager, this.failure.mqrc)
    this.isOpen = false
    this.state = state
  }

  private putOnce(object: ObjectHandle, body: Buffer): void {
    const { mq } = this.connection
    const { MQC } = mq
    this.options['Options'] = MQC['MQPMO_SYNCPOINT']! | MQC['MQPMO_NEW_MSG_ID']! | MQC['MQPMO_FAIL_IF_QUIESCING']!
    mq.PutSync(object, this.descriptor, this.options, body, this.done)
  }

  /** The package writes what the queue manager filled in into the same object: every field is set each time. */
  private describe(message: PutMessage): void {
    const { descriptor } = this
    descriptor.Persistence = message.persistence
    descriptor.Priority = message.priority
    descriptor.Expiry = message.expiry
    descriptor.MsgType = message.type
    descriptor.Feedback = message.feedback
    descriptor.Report = 0
    descriptor.CodedCharSetId = message.ccsid
    descriptor.Encoding = message.encoding
    descriptor.MsgFlags = message.flags
    descriptor.MsgSeqNumber = message.sequence
    descriptor['Offset'] = 0
    descriptor['OriginalLength'] = -1
    descriptor.MsgId = Buffer.alloc(24)
    descriptor.CorrelId = Buffer.from(message.correlId)
    descriptor.GroupId = Buffer.from(message.groupId)
    descriptor.Format = message.format
    descriptor.ReplyToQ = message.replyToQueue
    descriptor.ReplyToQMgr = message.replyToQueueManager
  }
}

/** Without getting them: at most two, since more than one is one too many. Throws MQ_STATE_INVALID. */
export function browseStates(connection: MqiConnection, object: ObjectHandle, queue: string): string[] {
  const { mq } = connection
  const states: string[] = []
  for (const step of ['MQGMO_BROWSE_FIRST', 'MQGMO_BROWSE_NEXT']) {
    const gmo = new mq.MQGMO()
    gmo.Options = mq.MQC[step]! | mq.MQC['MQGMO_FAIL_IF_QUIESCING']! | mq.MQC['MQGMO_NO_PROPERTIES']!
    gmo.MatchOptions = 0
    let seen: { failure: MqError | null; length: number } = { failure: null, length: 0 }
    mq.GetSync(object, new mq.MQMD(), gmo, stateBuffer, (failure, length) => (seen = { failure, length }))
    if (seen.failure?.mqrc === reason.noMessage) break
    if (seen.failure?.mqrc === reason.truncated) throw invalidState(queue, 'holds a message that is no state')
    if (seen.failure !== null) throw stateError(queue, seen.failure.mqrc)
    states.push(stateBuffer.toString('utf8', 0, seen.length))
  }
  return states
}

function missingState(queue: string): TidemarkError {
  return new TidemarkError('MQ_STATE_MISSING', {
    message: `the state message is gone from queue ${queue}`,
    place: `queue ${queue}`
  })
}

function invalidState(queue: string, what: string): TidemarkError {
  return new TidemarkError('MQ_STATE_INVALID', { message: `the state queue ${queue} ${what}`, place: `queue ${queue}` })
}
