import { createInterface } from 'node:readline'
import type { Socket } from 'node:net'
import { at, groupKey, idAt, sequenceOf, type Message } from './message.ts'
import type { Broker, Fault } from './broker.ts'
import type { QueueAttributes } from './message-queue.ts'

/** What a test asks of the stand-in besides the MQI: one JSON object a line each way. */
export type Command =
  | { do: 'define'; queue: string; attributes: Partial<QueueAttributes> }
  | { do: 'clear'; queue: string }
  /** `messages`: shown, at most. */
  | { do: 'look'; queue: string; messages: number }
  | { do: 'fault'; fault: Fault }
  | { do: 'no-faults' }
  /** Cuts every connection, or those to one address: clients see 2009, their units of work are backed out. */
  | { do: 'cut'; address: string | null }
  | ({ do: 'set' } & Partial<Settings>)

const settings = [
  'maxUncommitted',
  'deadLetterQueue',
  'messageBytesMax',
  'channelBytesMax',
  'channels',
  'credentials'
] as const
type Settings = Pick<Broker, (typeof settings)[number]>

/** A message as a test sees it. */
export interface SeenMessage {
  body: string
  msgId: string
  groupId: string
  sequence: number
  backoutCount: number
  /** In somebody's unit of work. */
  uncommitted: boolean
}

export interface Look {
  /** Uncommitted messages too. */
  depth: number
  inputs: number
  messages: SeenMessage[]
}

export function serveControl(broker: Broker, socket: Socket): void {
  socket.on('error', () => {})
  createInterface({ input: socket }).on('line', line => {
    const answer = carryOut(broker, JSON.parse(line) as Command)
    socket.write(`${JSON.stringify(answer)}\n`)
  })
}

function carryOut(broker: Broker, command: Command): Look | { ok: true } {
  switch (command.do) {
    case 'define':
      broker.define(command.queue, command.attributes)
      break
    case 'clear':
      broker.queues.get(command.queue)?.clear()
      break
    case 'look':
      return look(broker, command.queue, command.messages)
    case 'fault':
      broker.add(command.fault)
      break
    case 'no-faults':
      broker.clearFaults()
      break
    case 'cut':
      for (const connection of Array.from(broker.connections)) {
        if (command.address === null || command.address === connection.address) connection.cut()
      }
      break
    case 'set':
      set(broker, command)
      break
  }
  return { ok: true }
}

function set(broker: Broker, command: Partial<Settings>): void {
  for (const name of settings) if (command[name] !== undefined) Object.assign(broker, { [name]: command[name] })
}

function look(broker: Broker, name: string, shownMax: number): Look {
  const queue = broker.queues.get(name)
  if (!queue) return { depth: 0, inputs: 0, messages: [] }
  return { depth: queue.depth, inputs: queue.inputs, messages: queue.all.slice(0, shownMax).map(seen) }
}

function seen(message: Message): SeenMessage {
  return {
    body: message.body.toString('utf8', 0, 1000),
    msgId: idAt(message.descriptor, at.msgId).toString('hex'),
    groupId: Buffer.from(groupKey(message), 'latin1').toString('hex'),
    sequence: sequenceOf(message),
    backoutCount: message.descriptor.readInt32LE(at.backoutCount),
    uncommitted: message.owner !== null
  }
}
