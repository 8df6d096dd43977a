import type { MessageDescriptor, QueueMessage } from '../message.ts'
import type { GetRequest, Got } from '../message-verbs.ts'

export interface ModelMessage {
  body: string
  group: QueueMessage['group']
  descriptor: MessageDescriptor
  got: boolean
}

/** A queue and one unit of work in memory, for tests without a queue manager. */
export class QueueModel {
  /** Bodies moved away by units of work that were committed. */
  readonly movedAway: string[] = []
  private messages: ModelMessage[] = []
  private moved: string[] = []
  private count = 0

  /** Messages not committed away. */
  get depth(): number {
    return this.messages.length
  }

  /** Returns the body. */
  put(body: string, { msgId = `id${this.count}` } = {}): string {
    this.add(body, msgId, '', 'none', 1)
    return body
  }

  putGroup(groupId: string, size: number): string[] {
    return Array.from({ length: size }, (_, index) => {
      const body = `${groupId}:${index}`
      this.add(body, `id${this.count}`, groupId, index === size - 1 ? 'last' : 'member', index + 1)
      return body
    })
  }

  get(_request: GetRequest): Got {
    const message = this.messages.find(({ got }) => !got)
    if (!message) return { type: 'none', inhibited: false }
    message.got = true
    const { descriptor, group, body } = message
    return { type: 'message', message: { descriptor, group, body: Buffer.from(body) } }
  }

  /** Returns the body. */
  setAside({ body }: QueueMessage): string {
    this.moved.push(body.toString())
    return body.toString()
  }

  commit(): void {
    this.messages = this.messages.filter(({ got }) => !got)
    this.movedAway.push(...this.moved.splice(0))
  }

  back(): void {
    this.moved = []
    for (const message of this.messages) {
      if (message.got) message.descriptor.backoutCount++
      message.got = false
    }
  }

  private add(body: string, msgId: string, groupId: string, group: QueueMessage['group'], sequence: number): void {
    this.count++
    this.messages.push({ body, group, got: false, descriptor: sampleDescriptor({ msgId, groupId, sequence }) })
  }
}

/** A descriptor as of a text message; ids are padded with zero bytes. */
export function sampleDescriptor({ msgId = '', groupId = '', sequence = 1 } = {}): MessageDescriptor {
  const id = (text: string) => Buffer.concat([Buffer.from(text), Buffer.alloc(24)]).subarray(0, 24)
  return {
    msgId: id(msgId),
    correlId: id(''),
    groupId: id(groupId),
    sequence,
    flags: 0,
    ccsid: 1208,
    encoding: 546,
    format: 'MQSTR',
    priority: 0,
    persistence: 1,
    expiry: -1,
    msgType: 8,
    feedback: 0,
    report: 0,
    backoutCount: 0,
    putDate: '20260102',
    putTime: '03040567',
    replyToQueue: '',
    replyToQueueManager: '',
    userIdentifier: '',
    putApplication: ''
  }
}
