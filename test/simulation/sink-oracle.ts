import { inGroup, lastInGroup } from '../../mq-sink/put-message.ts'
import type { ValidEntry } from './committed.ts'
import type { Outcome } from './schedule.ts'
import type { SinkPlan } from './sink-plan.ts'
import type { SourceRecord } from './source-database.ts'
import type { TargetMessage, TargetQueueManager } from './target-queues.ts'
import type { World } from './world.ts'

/** Two of the messages that a unit of work can hold are the state, got and put. */
const stateMessages = 2

interface Expected {
  id: string
  records: SourceRecord[]
}

/** Compares the queues that sinks put to with what they were to put. */
export function judgeSinks({ world, sinks }: Outcome, valid: readonly ValidEntry[], failures: Set<string>): void {
  if (world.target === null) return
  const { manager, plan } = world.target
  const due = world.plainTopic === null ? ofStream(world, plan, valid) : []
  const tooLarge = plan.rules.large === 'split' ? -1 : due.findIndex(({ records }) => isTooLarge(manager, records))
  const upTo = tooLarge < 0 ? due : due.slice(0, tooLarge)
  for (const { stopped, label } of sinks) {
    if (stopped === null || (tooLarge >= 0 && stopped.code === 'MQ_UNIT_TOO_LARGE')) continue
    failures.add(`REFUSAL of a healthy sink: ${stopped.code}`)
    world.trace?.push(`${label} stopped: ${stopped.stack}`)
  }
  if (world.plainTopic === null) judgeQueues(manager, plan, upTo, failures)
  else judgePlain(manager, world.plainTopic.values, failures)
  judgeUnits(manager, plan, due, failures)
  if (plan.rules.groups) judgeGroups(manager, failures)
  judgeState(manager, failures)
}

/** What the commit stream validly names, in its order. */
function ofStream(world: World, { topics }: SinkPlan, valid: readonly ValidEntry[]): Expected[] {
  const { transactions } = world.subscriptions[0]!.database
  const entries = valid.toSorted((a, b) => a.entry.sequence - b.entry.sequence)
  return entries.map(({ entry }) => {
    const source = transactions.find(({ id }) => id === entry.sourceId)!
    const records = source.operations.flat().filter(({ topic }) => topics?.includes(topic) ?? true)
    return { id: source.id, records }
  })
}

function isTooLarge({ maxUncommitted }: TargetQueueManager, records: readonly SourceRecord[]): boolean {
  return records.length > maxUncommitted - stateMessages
}

function judgeQueues(
  manager: TargetQueueManager,
  { targets }: SinkPlan,
  due: readonly Expected[],
  failures: Set<string>
): void {
  const named = new Set(targets.flatMap(({ topics }) => topics ?? []))
  for (const { name, topics } of targets) {
    const isFor = ({ topic }: SourceRecord): boolean => topics?.includes(topic) ?? !named.has(topic)
    const expected = due.flatMap(({ records }) => records.filter(isFor).map(({ value }) => value))
    compare(manager.committed(name).map(contentOf), expected, failures)
  }
}

/** Order holds within a partition. */
function judgePlain(manager: TargetQueueManager, partitions: readonly string[][], failures: Set<string>): void {
  const put = manager.queues.flatMap(queue => manager.committed(queue).map(contentOf))
  for (const [partition, expected] of partitions.entries()) {
    const found = put.filter(value => value.startsWith(`p${partition}.`))
    compare(found, expected, failures)
  }
}

function compare(found: readonly string[], expected: readonly string[], failures: Set<string>): void {
  const wanted = new Set(expected)
  if (found.some(value => !wanted.has(value))) failures.add('SINK: something is on a queue that is not to be there')
  if (new Set(found).size < found.length) failures.add('SINK DUPLICATE: a record was put twice')
  else if (new Set(found).size < wanted.size) failures.add('SINK LOSS: a record was not put, and no error said so')
  else if (found.join() !== expected.join()) failures.add('SINK ORDER of a queue')
}

/** What one MQCMIT shows are whole transactions, unless one of more messages than a unit holds is to be split. */
function judgeUnits(
  manager: TargetQueueManager,
  { rules, targets }: SinkPlan,
  due: readonly Expected[],
  failures: Set<string>
): void {
  const named = new Map(due.flatMap(({ records }) => records.map(({ value }) => [value, records] as const)))
  const isSplit = (records: readonly SourceRecord[]): boolean => rules.large === 'split' && isTooLarge(manager, records)
  for (const unit of manager.commits) {
    if (unit.length > manager.maxUncommitted - stateMessages) failures.add('SINK: a unit of work above MAXUMSGS')
    const shown = new Set(unit.map(contentOf))
    for (const value of shown) {
      const records = named.get(value)
      if (records === undefined || isSplit(records)) continue
      if (targets.length > 0 && records.some(other => !shown.has(other.value))) {
        failures.add('SINK TORN: readers of the queues saw part of a transaction')
      }
    }
  }
}

/** Numbered from 1 without holes, one group to a transaction and queue, the last one marked and no other. */
function judgeGroups(manager: TargetQueueManager, failures: Set<string>): void {
  for (const queue of manager.queues) {
    const groups = Map.groupBy(manager.committed(queue), ({ groupId }) => groupId)
    const transactions = new Map<string, string>()
    for (const [groupId, messages] of groups) {
      const ids = new Set(messages.map(message => transactionOf(contentOf(message))))
      const [id] = ids
      if (ids.size > 1 || transactions.has(id!)) failures.add('SINK GROUP: not one group to a transaction')
      transactions.set(id!, groupId)
      if (!isNumbered(messages)) failures.add('SINK GROUP: its numbers or its end are wrong')
    }
  }
}

function isNumbered(messages: readonly TargetMessage[]): boolean {
  return messages.every(
    ({ sequence, flags }, index) =>
      sequence === index + 1 &&
      (flags & inGroup) !== 0 &&
      ((flags & lastInGroup) !== 0) === (index === messages.length - 1)
  )
}

function judgeState(manager: TargetQueueManager, failures: Set<string>): void {
  const states = manager.messages.filter(({ queue }) => queue === manager.stateQueue)
  if (states.length !== 1) failures.add(`SINK STATE: ${states.length} messages on the state queue`)
}

/** Behind an MQRFH2, whose length it says itself. */
function contentOf({ body }: TargetMessage): string {
  const isHeader = body.length > 36 && body.toString('latin1', 0, 4) === 'RFH '
  return body.toString('utf8', isHeader ? body.readInt32LE(8) : 0)
}

function transactionOf(value: string): string {
  return value.split('.')[0]!
}
