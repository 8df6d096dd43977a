import type { Broker, Reply } from './broker.ts'
import { inquire } from './attributes.ts'
import { converted, type Converted } from './conversion.ts'
import {
  at,
  flagsOf,
  groupKey,
  idAt,
  inGroup,
  isGrouped,
  isNone,
  lastInGroup,
  newId,
  rfh2Of,
  sequenceOf,
  stamp,
  type Message
} from './message.ts'
import type { MessageQueue } from './message-queue.ts'
import { done, failed, type Answer, type Request } from './wire.ts'

// MQGMO and MQPMO options, MQOO options, reason codes: IBM's reference, "MQI constants".
const gmo = {
  wait: 1,
  syncpoint: 2,
  browseFirst: 16,
  browseNext: 32,
  truncated: 64,
  convert: 16384,
  logicalOrder: 32768,
  allMessages: 131072
}
const propertyOptions = { none: 0x4000000, inHandle: 0x8000000 }
const pmo = { syncpoint: 2, newMsgId: 64, newCorrelId: 128, logicalOrder: 32768 }
const oo = { inputAny: 1 | 2 | 4, exclusive: 4, browse: 8, output: 16 }
const inputExclusive = 4
const queueManagerObject = 5
const reason = {
  gotNothing: 2033,
  notAuthorized: 2035,
  getInhibited: 2016,
  handle: 2019,
  tooBigForQueue: 2030,
  tooBigForQueueManager: 2031,
  noSpace: 2056,
  tooBigForChannel: 2218,
  wrongIndex: 2394,
  groupToTopic: 2417,
  notOpenForInput: 2037,
  notOpenForBrowse: 2036,
  notOpenForOutput: 2039,
  objectInUse: 2042,
  putInhibited: 2051,
  queueFull: 2053,
  syncpointLimit: 2024,
  truncatedAccepted: 2079,
  truncated: 2080,
  unknownObject: 2085,
  queueManagerName: 2058,
  unknownChannel: 2540,
  inconsistentUow: 2245
} as const

interface OpenObject {
  /** null: the queue manager itself. */
  queue: MessageQueue | null
  options: number
  group: { key: string; next: number; synced: boolean } | null
  putGroup: { id: Buffer; next: number } | null
  browsed: number
}

interface Uncommitted {
  message: Message
  queue: MessageQueue
  /** Put by this unit of work, even if it was then got by it. */
  putHere: boolean
}

/** One client's connection handle: its open objects and its unit of work. */
export class Connection {
  private readonly broker: Broker
  private readonly now: () => number
  private readonly objects = new Map<number, OpenObject>()
  private nextObject = 1
  private unitOfWork: Uncommitted[] = []
  private user = ''
  /** ConnectionName of its channel. */
  address = ''
  private stopWaiting: () => void = () => {}

  constructor(broker: Broker, now: () => number) {
    this.broker = broker
    this.now = now
  }

  /** Carries a request out; `reply` may be called later (a get that waits). */
  perform(request: Request, reply: Reply): void {
    const object = this.objects.get(request.arguments[0]!)
    switch (request.operation) {
      case 'N':
        return reply(this.connect(request.payload))
      case 'O':
        return reply(this.open(request))
      case 'X':
        return reply(this.close(request.arguments[0]!))
      case 'P':
        return reply(object ? this.put(object, request, request.payload) : failed(reason.handle))
      case 'Q':
        return reply(this.putOne(request))
      case 'G':
        return object ? this.get(object, request, reply) : reply(failed(reason.handle))
      case 'I':
        return reply(object ? inquire(this.broker, object.queue, request) : failed(reason.handle))
      case 'C':
        this.end(true)
        return reply(done)
      case 'B':
        this.end(false)
        return reply(done)
      case 'D':
        // MQDISC commits what is open.
        this.end(true)
        this.closeAll()
        return reply(done)
      default:
        return reply(failed(2012))
    }
  }

  /** The client is gone: its unit of work is backed out. */
  lost(): void {
    this.stopWaiting()
    this.end(false)
    this.closeAll()
  }

  private connect(payload: Buffer): Answer {
    const text = (from: number, to: number) => payload.toString('latin1', from, to).replace(/[\0 ]+$/, '')
    const { broker } = this
    const [queueManager, channel, user, password] = [text(0, 48), text(48, 68), text(332, 396), text(396, 460)]
    if (queueManager !== '' && queueManager !== broker.name) return failed(reason.queueManagerName)
    if (broker.channels !== null && !broker.channels.includes(channel)) return failed(reason.unknownChannel)
    const { credentials } = broker
    if (credentials !== null && (user !== credentials.user || password !== credentials.password)) {
      return failed(reason.notAuthorized)
    }
    this.user = user
    this.address = text(68, 332)
    return done
  }

  private open(request: Request) {
    const [options, type] = request.arguments as [number, number]
    const name = request.payload.toString('latin1').replace(/[\0 ]+$/, '')
    const queue = type === queueManagerObject ? null : this.broker.queues.get(name)
    if (queue === undefined) return failed(reason.unknownObject)
    if (queue?.attributes.denied.some(user => user === '*' || user === this.user)) return failed(reason.notAuthorized)
    const wantsInput = (options & oo.inputAny) !== 0
    const exclusive = (options & inputExclusive) !== 0 || (wantsInput && queue?.attributes.share === false)
    if (queue && wantsInput) {
      if (queue.exclusive !== null || (exclusive && queue.inputs > 0)) return failed(reason.objectInUse)
      queue.inputs++
      if (exclusive) queue.exclusive = this
    }
    const handle = this.nextObject++
    this.objects.set(handle, { queue, options, group: null, putGroup: null, browsed: 0 })
    return { ...done, results: [handle] }
  }

  private close(handle: number) {
    const object = this.objects.get(handle)
    if (!object) return failed(reason.handle)
    this.objects.delete(handle)
    const { queue } = object
    if (queue && (object.options & oo.inputAny) !== 0) {
      queue.inputs--
      if (queue.exclusive === this) queue.exclusive = null
    }
    return done
  }

  private closeAll(): void {
    for (const handle of Array.from(this.objects.keys())) this.close(handle)
  }

  private putOne(request: Request) {
    const name = request.payload.toString('latin1', 0, 48).replace(/[\0 ]+$/, '')
    const queue = this.broker.queues.get(name)
    if (!queue) return failed(reason.unknownObject)
    const object = { queue, options: oo.output, group: null, putGroup: null, browsed: 0 }
    return this.put(object, request, request.payload.subarray(48))
  }

  private put(object: OpenObject, { arguments: [, options, propertyBytes], descriptor }: Request, payload: Buffer) {
    const { queue } = object
    if (queue === null || (object.options & oo.output) === 0) return failed(reason.notOpenForOutput)
    const body = payload.subarray(propertyBytes)
    const refusal = this.refusal(queue, descriptor, payload.length, body.length)
    if (refusal !== null) return failed(refusal)
    const synced = (options! & pmo.syncpoint) !== 0
    if (synced && this.unitOfWork.length >= this.broker.maxUncommitted) return failed(reason.syncpointLimit)
    const message = this.message(object, options!, descriptor, payload.subarray(0, propertyBytes), body)
    if (synced) {
      message.owner = this
      this.unitOfWork.push({ message, queue, putHere: true })
    }
    queue.add(message)
    if (!synced) queue.wake()
    return { ...done, descriptor: message.descriptor }
  }

  /** Why the queue cannot take a message of so many bytes. */
  private refusal(queue: MessageQueue, descriptor: Buffer, sentBytes: number, bodyBytes: number): number | null {
    const { attributes, depth } = queue
    const { channelBytesMax, messageBytesMax } = this.broker
    if (sentBytes > channelBytesMax) return reason.tooBigForChannel
    if (!attributes.put) return reason.putInhibited
    const grouped = (descriptor.readInt32LE(at.flags) & (inGroup | lastInGroup)) !== 0
    if (attributes.topic && grouped) return reason.groupToTopic
    if (bodyBytes > messageBytesMax) return reason.tooBigForQueueManager
    if (bodyBytes > attributes.maxmsgl) return reason.tooBigForQueue
    if (depth >= attributes.maxdepth) return reason.queueFull
    // Counted only where there is a limit: a queue may be long.
    const isLimited = attributes.maxfsize < Number.MAX_SAFE_INTEGER
    return isLimited && queue.bytes + bodyBytes > attributes.maxfsize ? reason.noSpace : null
  }

  private message(object: OpenObject, options: number, descriptor: Buffer, properties: Buffer, body: Buffer): Message {
    const now = this.now()
    const order = this.broker.nextOrder()
    const id = () => newId(this.broker.name, order)
    stamp(descriptor, now)
    if ((options & pmo.newMsgId) !== 0 || isNone(idAt(descriptor, at.msgId))) id().copy(descriptor, at.msgId)
    if ((options & pmo.newCorrelId) !== 0) id().copy(descriptor, at.correlId)
    const flags = descriptor.readInt32LE(at.flags)
    if ((flags & (inGroup | lastInGroup)) !== 0) this.place(object, options, descriptor, id())
    const expiry = descriptor.readInt32LE(at.expiry)
    return {
      descriptor,
      properties,
      body,
      order,
      expiresAt: expiry > 0 ? now + expiry * 100 : Infinity,
      owner: null,
      wasPut: true
    }
  }

  /** Group id and number, which under MQPMO_LOGICAL_ORDER the queue manager gives. */
  private place(object: OpenObject, options: number, descriptor: Buffer, fresh: Buffer): void {
    const flags = descriptor.readInt32LE(at.flags)
    // The last of a group is in it as well.
    descriptor.writeInt32LE(flags | inGroup, at.flags)
    if ((options & pmo.logicalOrder) === 0) {
      if (isNone(idAt(descriptor, at.groupId))) fresh.copy(descriptor, at.groupId)
      return
    }
    object.putGroup ??= { id: fresh, next: 1 }
    object.putGroup.id.copy(descriptor, at.groupId)
    descriptor.writeInt32LE(object.putGroup.next++, at.sequence)
    if ((flags & lastInGroup) !== 0) object.putGroup = null
  }

  private get(object: OpenObject, request: Request, reply: Reply): void {
    const [, options, waitMs] = request.arguments as [number, number, number]
    const begun = this.now()
    const attempt = () => {
      const answer = this.getNow(object, request)
      const leftMs = waitMs < 0 ? 1e9 : begun + waitMs - this.now()
      if (answer.reason !== reason.gotNothing || (options & gmo.wait) === 0 || leftMs <= 0 || object.queue === null) {
        this.stopWaiting()
        reply(answer)
        return
      }
      this.stopWaiting()
      const stop = object.queue.wait(attempt)
      const timer = setTimeout(attempt, Math.min(leftMs, 2 ** 30))
      this.stopWaiting = () => {
        stop()
        clearTimeout(timer)
      }
    }
    attempt()
  }

  private getNow(object: OpenObject, request: Request) {
    const [, options, , , matchOptions] = request.arguments as [number, number, number, number, number]
    const { queue } = object
    const browse = (options & (gmo.browseFirst | gmo.browseNext)) !== 0
    if (queue === null || (object.options & (browse ? oo.browse : oo.inputAny)) === 0) {
      return failed(browse ? reason.notOpenForBrowse : reason.notOpenForInput)
    }
    if (!queue.attributes.get) return failed(reason.getInhibited)
    const groups = (options & (gmo.logicalOrder | gmo.allMessages)) !== 0
    if (groups && queue.attributes.indxtype === 'NONE') return failed(reason.wrongIndex)
    const synced = (options & gmo.syncpoint) !== 0
    if (synced && this.unitOfWork.length >= this.broker.maxUncommitted) return failed(reason.syncpointLimit)
    if (object.group !== null && !browse && object.group.synced !== synced) return failed(reason.inconsistentUow)
    const message = queue.find({
      matchOptions,
      descriptor: request.descriptor,
      logicalOrder: (options & gmo.logicalOrder) !== 0,
      wholeGroups: (options & gmo.allMessages) !== 0,
      group: browse ? null : object.group,
      after: (options & gmo.browseNext) !== 0 ? object.browsed : 0,
      asking: this,
      now: this.now()
    })
    if (message === null) return failed(reason.gotNothing)
    return this.handOver(object, message, request, synced && !browse, browse)
  }

  private handOver(object: OpenObject, message: Message, request: Request, synced: boolean, browse: boolean) {
    const [, options, , capacity] = request.arguments as [number, number, number, number]
    const { descriptor, properties, body, warning } = this.shape(message, options, request.descriptor)
    const group = statusOf(message)
    const results = [group.charCodeAt(0), body.length, properties.length]
    const accepted = (options & gmo.truncated) !== 0
    if (body.length > capacity && !accepted) {
      return { completion: 1, reason: reason.truncated, results: [...results.slice(0, 2), 0], descriptor }
    }
    const payload = [properties, body.subarray(0, capacity)]
    const cut = body.length > capacity ? reason.truncatedAccepted : warning
    const completion = cut === 0 ? done : { completion: 1, reason: cut }
    if (browse) object.browsed = message.order
    else this.taken(object, message, (options & gmo.logicalOrder) !== 0, synced)
    return { ...completion, results, descriptor, payload }
  }

  private taken(object: OpenObject, message: Message, logicalOrder: boolean, synced: boolean): void {
    if (logicalOrder) {
      const ends = !isGrouped(message) || (flagsOf(message) & lastInGroup) !== 0
      object.group = ends ? null : { key: groupKey(message), next: sequenceOf(message) + 1, synced }
    }
    const queue = object.queue!
    if (!synced) return queue.remove(message)
    const own = message.owner === this
    message.owner = this
    message.wasPut = false
    if (own) this.unitOfWork = this.unitOfWork.filter(entry => entry.message !== message)
    this.unitOfWork.push({ message, queue, putHere: own })
  }

  /** The message as the get's options want its properties: in the handle, as an MQRFH2 before the body, or not at all. */
  private shape(message: Message, options: number, wanted: Buffer) {
    const descriptor = Buffer.from(message.descriptor)
    if (message.expiresAt !== Infinity) {
      descriptor.writeInt32LE(Math.max(1, Math.round((message.expiresAt - this.now()) / 100)), at.expiry)
    }
    const asked = (options & gmo.convert) !== 0
    const { body, reason: warning } = asked ? converted(descriptor, message.body, wanted) : unconverted(message)
    const { properties } = message
    const none = Buffer.alloc(0)
    if ((options & propertyOptions.inHandle) !== 0) return { descriptor, properties, body, warning }
    if ((options & propertyOptions.none) !== 0 || properties.length === 0) {
      return { descriptor, properties: none, body, warning }
    }
    const header = rfh2Of(properties, descriptor)
    descriptor.write('MQHRF2  ', at.format, 8, 'latin1')
    return { descriptor, properties: none, body: Buffer.concat([header, body]), warning }
  }

  /** MQCMIT or MQBACK. */
  private end(commit: boolean): void {
    const unit = this.unitOfWork
    this.unitOfWork = []
    const woken = new Set<MessageQueue>()
    for (const { message, queue, putHere } of unit) {
      const { wasPut } = message
      message.owner = null
      if (commit ? !wasPut : putHere) {
        queue.remove(message)
        continue
      }
      if (!commit) {
        const { descriptor } = message
        descriptor.writeInt32LE(descriptor.readInt32LE(at.backoutCount) + 1, at.backoutCount)
      }
      woken.add(queue)
    }
    if (!commit) for (const object of this.objects.values()) object.group = null
    for (const queue of woken) {
      if (!commit) queue.rewind()
      queue.wake()
    }
  }
}

function unconverted({ body }: Message): Converted {
  return { body, reason: 0 }
}

function statusOf(message: Message): string {
  if (!isGrouped(message)) return ' '
  return (flagsOf(message) & lastInGroup) !== 0 ? 'L' : 'G'
}
