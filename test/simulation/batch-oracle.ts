import { headerNameBytes, RecordHeader } from '@tidemark/schemas/record-header.ts'
import type { ValidEntry } from './committed.ts'
import { QueueManager } from './simulated-queues.ts'
import type { SourceRecord, SourceTransaction } from './source-database.ts'
import type { World } from './world.ts'

/**
 * With `unit: batch` the source decides what is a transaction: what the commit stream validly names, with the records that
 * topics hold of it. A batch is called by its first message.
 */
export function batchesOf(world: World, valid: readonly ValidEntry[]): SourceTransaction[] {
  const records = recordsOf(world)
  const messages = messagesById(world)
  return valid.map(({ epoch, entry: { sequence, sourceId } }) => {
    const content = [...(records.get(`${epoch} ${sequence}`) ?? [])].sort(([a], [b]) => a - b)
    const first = messages.get(sourceId)!
    return { ...first, operations: [content.map(([, record]) => record)], annotated: true }
  })
}

/** By epoch and sequence, then by number: a batch that was stored twice counts once. */
function recordsOf(world: World): Map<string, Map<number, SourceRecord>> {
  const { stream } = world.subscriptions[0]!
  const found = new Map<string, Map<number, SourceRecord>>()
  const header = new RecordHeader()
  for (const log of world.cluster.logs) {
    log.visit(reader => {
      if (!reader.findHeader(headerNameBytes)) return
      header.decode(reader.bytes, reader.foundStart, reader.foundEnd)
      if (header.stream !== stream) return
      const name = `${header.epoch} ${header.sequence}`
      if (!found.has(name)) found.set(name, new Map())
      const key = reader.key!.toString()
      found.get(name)!.set(header.record, { topic: log.topic, key, value: reader.value!.toString() })
    })
  }
  return found
}

/** Every message once, whole and in the order of its queue; no batch of two queues, or of more messages than it may have. */
export function judgeBatches(world: World, batches: readonly SourceTransaction[], failures: Set<string>): void {
  const manager = world.subscriptions[0]!.database
  if (!(manager instanceof QueueManager)) return
  const messages = messagesById(world)
  for (const [lane] of manager.queues.entries()) {
    const due = manager.transactions.filter(message => message.lane === lane && message.movedAway === 0)
    const found = batches.filter(batch => batch.lane === lane).flatMap(valuesOf)
    compare(found, due.flatMap(valuesOf), failures)
  }
  for (const batch of batches) judgeBatch(batch, messages, manager.batch.messages, failures)
}

function compare(found: readonly string[], due: readonly string[], failures: Set<string>): void {
  if (new Set(found).size < found.length) failures.add('BATCH DUPLICATE: a message is in two valid entries')
  else if (due.some(value => !found.includes(value))) failures.add('BATCH LOSS: a message is in no valid entry')
  else if (found.join() !== due.join()) failures.add('BATCH ORDER: not the order of the queue')
}

function judgeBatch(
  batch: SourceTransaction,
  messages: ReadonlyMap<string, SourceTransaction>,
  messagesMax: number,
  failures: Set<string>
): void {
  const ids = [...new Set(valuesOf(batch).map(value => value.split('.')[0]!))]
  const whole = ids.flatMap(id => valuesOf(messages.get(id)!))
  if (whole.join() !== valuesOf(batch).join()) failures.add('BATCH TORN: part of a message, or another order')
  if (ids.some(id => messages.get(id)!.lane !== batch.lane)) failures.add('BATCH of two queues')
  if (new Set([batch.id, ...ids]).size > messagesMax) failures.add('BATCH of more messages than it may have')
}

function valuesOf({ operations }: SourceTransaction): string[] {
  return operations.flat().map(({ value }) => value)
}

function messagesById(world: World): Map<string, SourceTransaction> {
  return new Map(world.subscriptions[0]!.database.transactions.map(message => [message.id, message]))
}
