import type { Answer } from './wire.ts'
import { MessageQueue, type QueueAttributes } from './message-queue.ts'

/** Something that goes wrong on demand. */
export interface Fault {
  /** The operation of shim.c: N connect, O open, G get, P put, C commit, B back, I inquire, D disconnect. */
  verb: string
  /** Reason code given; 0: none, only what else is asked for. */
  reason: number
  /** Whether the verb is carried out all the same. */
  performed?: boolean
  /** Whether the connection is cut instead of, or after, answering. */
  drop?: boolean
  delayMs?: number
  /** Times the verb goes well first. */
  skip?: number
  /** How often; default once. */
  times?: number
  /** Only connections made to this address (their ConnectionName); default any. */
  address?: string
}

/** The most that MQ has. */
const messageBytesMax = 104_857_600

/** The stand-in queue manager: its queues and its faults. */
export class Broker {
  readonly name: string
  readonly id: string
  /** MAXUMSGS. */
  maxUncommitted = 10_000
  /** DEADQ. */
  deadLetterQueue = ''
  /** MAXMSGL of the queue manager, and of its channels. */
  messageBytesMax = messageBytesMax
  channelBytesMax = messageBytesMax
  /** Server-connection channels; null: any. */
  channels: string[] | null = null
  /** User and password; null: nobody is asked. */
  credentials: { user: string; password: string } | null = null
  readonly queues = new Map<string, MessageQueue>()
  readonly connections = new Set<{ readonly address: string; cut(): void }>()
  private readonly faults: Required<Fault>[] = []
  private order = 0

  constructor(name: string) {
    this.name = name
    this.id = `${name}_2026-01-01_00.00.00`
  }

  define(name: string, attributes: Partial<QueueAttributes>): void {
    const queue = this.queues.get(name)
    if (queue) queue.attributes = { ...queue.attributes, ...attributes }
    else this.queues.set(name, new MessageQueue(name, attributes))
  }

  nextOrder(): number {
    return ++this.order
  }

  add(fault: Fault): void {
    this.faults.push({ performed: false, drop: false, delayMs: 0, skip: 0, times: 1, address: '', ...fault })
  }

  clearFaults(): void {
    this.faults.length = 0
  }

  /** The fault that a call of a connection to this address meets, if any. */
  take(verb: string, address: string): Required<Fault> | null {
    const index = this.faults.findIndex(
      fault => fault.verb === verb && (fault.address === '' || fault.address === address)
    )
    const fault = this.faults[index]
    if (!fault) return null
    if (fault.skip > 0) {
      fault.skip--
      return null
    }
    if (--fault.times === 0) this.faults.splice(index, 1)
    return fault
  }
}

export type Reply = (answer: Answer) => void
