import type { Broker } from './broker.ts'
import type { MessageQueue } from './message-queue.ts'
import { failed, type Answer, type Request } from './wire.ts'

/** Selectors of MQINQ: numbers of a queue, numbers of the queue manager, texts of either (48 characters each). */
const queueNumbers: Readonly<Record<number, (queue: MessageQueue) => number>> = {
  3: queue => queue.depth,
  5: () => 0,
  8: () => 1,
  9: queue => (queue.attributes.get ? 0 : 1),
  10: queue => (queue.attributes.put ? 0 : 1),
  13: queue => queue.attributes.maxmsgl,
  15: queue => queue.attributes.maxdepth,
  16: queue => (queue.attributes.byPriority ? 0 : 1),
  17: queue => queue.inputs,
  20: () => 1,
  22: queue => queue.attributes.bothresh,
  23: queue => (queue.attributes.share ? 1 : 0),
  57: () => 0,
  190: () => 0
}
const managerNumbers: Readonly<Record<number, (broker: Broker) => number>> = {
  2: () => 1208,
  // MQPL_UNIX
  32: () => 3,
  33: broker => broker.maxUncommitted,
  13: broker => broker.messageBytesMax
}
const textBytes = 48

/** MQINQ. Arguments: object, count of selectors, of numbers, bytes of text. */
export function inquire(broker: Broker, queue: MessageQueue | null, request: Request): Answer {
  const [, count] = request.arguments as [number, number]
  const numbers: number[] = []
  const texts: string[] = []
  for (let index = 0; index < count; index++) {
    const selector = request.payload.readInt32LE(index * 4)
    if (selector < 2001) {
      const value = queue ? queueNumbers[selector]?.(queue) : managerNumbers[selector]?.(broker)
      if (value === undefined) return failed(2067)
      numbers.push(value)
    } else {
      const value = textOf(selector, broker, queue)
      if (value === undefined) return failed(2067)
      texts.push(value)
    }
  }
  const payload = Buffer.alloc(numbers.length * 4)
  numbers.forEach((value, index) => payload.writeInt32LE(value, index * 4))
  return {
    completion: 0,
    reason: 0,
    payload: [payload, Buffer.from(texts.map(text => text.padEnd(textBytes)).join(''), 'latin1')]
  }
}

function textOf(selector: number, broker: Broker, queue: MessageQueue | null): string | undefined {
  if (queue === null) return { 2006: broker.deadLetterQueue, 2015: broker.name, 2032: broker.id }[selector]
  return { 2016: queue.name, 2019: queue.attributes.boqname }[selector]
}
