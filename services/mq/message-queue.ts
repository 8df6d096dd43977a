import { at, flagsOf, groupKey, idAt, isGrouped, isNone, lastInGroup, sequenceOf, type Message } from './message.ts'

/** Attributes of a queue, by the names MQSC gives them. */
export interface QueueAttributes {
  bothresh: number
  boqname: string
  maxdepth: number
  maxmsgl: number
  /** Bytes of content that its file may hold. */
  maxfsize: number
  /** On z/OS, where groups need GROUPID; null: another platform. */
  indxtype: 'GROUPID' | 'NONE' | null
  /** An alias of a topic: to be put to, without groups. */
  topic: boolean
  /** Whether gets, puts are allowed. */
  get: boolean
  put: boolean
  /** Whether more than one may open it for input. */
  share: boolean
  /** MSGDLVSQ(PRIORITY), else FIFO. */
  byPriority: boolean
  /** Users who may not open it. */
  denied: string[]
}

const attributesByDefault: QueueAttributes = {
  bothresh: 0,
  boqname: '',
  maxdepth: 100_000,
  maxmsgl: 4_194_304,
  maxfsize: Number.MAX_SAFE_INTEGER,
  indxtype: null,
  topic: false,
  get: true,
  put: true,
  share: true,
  byPriority: true,
  denied: []
}

/** Which message a get asks for. */
export interface Selection {
  /** MQMO_MATCH_MSG_ID, ...CORREL_ID, ...GROUP_ID, ...MSG_SEQ_NUMBER. */
  matchOptions: number
  descriptor: Buffer
  logicalOrder: boolean
  wholeGroups: boolean
  /** The group the handle is in, and the number that is next. */
  group: { key: string; next: number } | null
  /** For a browse: only after this order. */
  after: number
  /** The connection that asks: it sees what its own unit of work put. */
  asking: object
  now: number
}

export class MessageQueue {
  readonly name: string
  attributes: QueueAttributes
  private messages: Message[] = []
  /** Messages before it are got and not committed. */
  private front = 0
  private readonly waiting = new Set<() => void>()
  /** Handles open for input; the one that has it alone. */
  inputs = 0
  exclusive: object | null = null

  constructor(name: string, attributes: Partial<QueueAttributes>) {
    this.name = name
    this.attributes = { ...attributesByDefault, ...attributes }
  }

  /** All messages, uncommitted ones too, in the order of delivery. */
  get all(): readonly Message[] {
    return this.messages
  }

  /** As CURDEPTH: uncommitted messages count. */
  get depth(): number {
    return this.messages.length
  }

  get bytes(): number {
    return this.messages.reduce((sum, { body }) => sum + body.length, 0)
  }

  add(message: Message): void {
    const priority = priorityOf(message)
    let index = this.messages.length
    if (this.attributes.byPriority) {
      while (index > 0 && priorityOf(this.messages[index - 1]!) < priority) index--
    }
    if (index === this.messages.length) this.messages.push(message)
    else this.messages.splice(index, 0, message)
    this.front = Math.min(this.front, index)
  }

  remove(message: Message): void {
    // Nearly always the first.
    const index = this.messages[0] === message ? 0 : this.messages.indexOf(message)
    if (index === 0) this.messages.shift()
    else this.messages.splice(index, 1)
    if (index < this.front) this.front--
  }

  /** Messages that were got are free again. */
  rewind(): void {
    this.front = 0
  }

  clear(): void {
    this.messages = []
    this.front = 0
  }

  /** Messages free for everybody have come: gets that wait look again. */
  wake(): void {
    // A get that finds nothing waits again at once.
    for (const look of Array.from(this.waiting)) look()
  }

  wait(look: () => void): () => void {
    this.waiting.add(look)
    return () => this.waiting.delete(look)
  }

  find(selection: Selection): Message | null {
    let whole: ReadonlySet<string> | undefined
    // Counted only when a group is met: a queue may be long.
    const isWhole = (message: Message) =>
      !selection.wholeGroups || (whole ??= this.wholeGroups(selection)).has(groupKey(message))
    const expired: Message[] = []
    let found: Message | null = null
    while (isGot(this.messages[this.front])) this.front++
    for (let index = this.front; index < this.messages.length; index++) {
      const message = this.messages[index]!
      if (!isFree(message, selection.asking)) continue
      if (message.expiresAt <= selection.now) expired.push(message)
      else if (isAfter(message, selection) && matches(message, selection) && isNext(message, selection, isWhole)) {
        found = message
        break
      }
    }
    for (const message of expired) this.remove(message)
    return found
  }

  /** Keys of the groups whose members are all free. */
  private wholeGroups(selection: Selection): ReadonlySet<string> {
    const seen = new Map<string, { count: number; last: number }>()
    for (const message of this.messages) {
      if (!isGrouped(message) || !isFree(message, selection.asking)) continue
      const entry = seen.get(groupKey(message)) ?? { count: 0, last: -1 }
      entry.count++
      if ((flagsOf(message) & lastInGroup) !== 0) entry.last = sequenceOf(message)
      seen.set(groupKey(message), entry)
    }
    return new Set([...seen].filter(([, { count, last }]) => count === last).map(([key]) => key))
  }
}

function isGot(message: Message | undefined): boolean {
  return message !== undefined && message.owner !== null && !message.wasPut
}

function priorityOf(message: Message): number {
  return message.descriptor.readInt32LE(at.priority)
}

function isAfter(message: Message, selection: Selection): boolean {
  return selection.after === 0 || message.order > selection.after
}

function isFree(message: Message, asking: object): boolean {
  return message.owner === null || (message.owner === asking && message.wasPut)
}

const idFields = [
  [1, at.msgId],
  [2, at.correlId],
  [4, at.groupId]
] as const

function matches(message: Message, { matchOptions, descriptor }: Selection): boolean {
  for (const [option, offset] of idFields) {
    if ((matchOptions & option) === 0) continue
    const wanted = idAt(descriptor, offset)
    if (!isNone(wanted) && !wanted.equals(idAt(message.descriptor, offset))) return false
  }
  return (matchOptions & 8) === 0 || descriptor.readInt32LE(at.sequence) === sequenceOf(message)
}

function isNext(message: Message, selection: Selection, isWhole: (message: Message) => boolean): boolean {
  if (!selection.logicalOrder) return true
  if (selection.group !== null) {
    return groupKey(message) === selection.group.key && sequenceOf(message) === selection.group.next
  }
  if (!isGrouped(message)) return true
  return sequenceOf(message) === 1 && isWhole(message)
}
