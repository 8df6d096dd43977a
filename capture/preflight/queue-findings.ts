import type { MqSubscription } from '../config/configuration.ts'
import { findingOf, type Finding, type Severity } from '../finding.ts'
import type { BackoutPolicy } from '../mq/backout-policy.ts'
import { configuredPlace, type ConfiguredPlaces } from '../mq/configured-places.ts'
import { errorOf } from '../mq/failed-event.ts'
import type { QueueLook, ReaderEvent } from '../mq/reader-messages.ts'

export type QueueFacts = Extract<ReaderEvent, { type: 'looked' }>

/** What of the queue manager and its queues would break, or would surprise, at its place in the configuration. Pure. */
export function queueFindings(configuration: MqSubscription, facts: QueueFacts, places: ConfiguredPlaces): Finding[] {
  const ofQueues = facts.queues.flatMap(look => lookFindings(configuration, look))
  return [...managerFindings(configuration, facts), ...ofQueues].map(finding => ({
    ...finding,
    place: configuredPlace(finding.place, places)
  }))
}

function managerFindings({ mq: { connection, unitOfWork } }: MqSubscription, facts: QueueFacts): Finding[] {
  if (facts.maxUncommitted >= unitOfWork.messages) return []
  const what = `a unit of work may hold ${unitOfWork.messages} messages, the queue manager allows ${facts.maxUncommitted} (MAXUMSGS): units end there, and a larger group cannot be read`
  const remedy = `ALTER QMGR MAXUMSGS(10000), or \`unitOfWork: {messages: ${facts.maxUncommitted}}\``
  return [unsuitable('warning', connection.queueManager, what, remedy)]
}

function lookFindings(configuration: MqSubscription, look: QueueLook): Finding[] {
  const { queue, fault, backoutFault } = look
  const findings: Finding[] = []
  if (fault !== null) {
    // The agent itself may be running.
    findings.push(findingOf(errorOf(fault), fault.code === 'MQ_QUEUE_IN_USE' ? 'warning' : 'error'))
  }
  if (backoutFault !== null) {
    const { message, cure, code } = errorOf(backoutFault)
    const what = `messages of ${queue} that fail again and again could not be moved: ${message}`
    findings.push({ code, severity: 'error', what, place: queue, remedy: cure })
  }
  return [...findings, ...attributeFindings(configuration, look)]
}

/** What becomes of messages that fail again and again. */
function backoutFindings(
  queue: string,
  { threshold, queue: target, isDeadLetterQueue = false }: BackoutPolicy
): Finding[] {
  if (threshold === 0) {
    const what = `queue ${queue} has BOTHRESH(0): a message that cannot be carried stops the agent and everything behind it`
    const remedy = `ALTER QLOCAL(${queue}) BOTHRESH(3) BOQNAME(${queue}.BACKOUT)`
    // Somebody who asks for the dead-letter queue does not expect it.
    return [unsuitable(isDeadLetterQueue ? 'warning' : 'info', queue, what, remedy)]
  }
  if (target === queue) {
    const what = `queue ${queue} is its own backout queue: a message that cannot be carried would come round for ever`
    return [unsuitable('error', queue, what, `ALTER QLOCAL(${queue}) BOQNAME(${queue}.BACKOUT)`)]
  }
  if (threshold === 1 && target !== '') {
    const what = `queue ${queue} has BOTHRESH(1): what shares a unit of work with a message that fails is moved with it`
    return [
      unsuitable('warning', queue, what, `ALTER QLOCAL(${queue}) BOTHRESH(3): then each has a try of its own first`)
    ]
  }
  if (target !== '') return []
  if (isDeadLetterQueue) {
    const what = `messages of queue ${queue} that fail ${threshold} times are to go to the dead-letter queue, and the queue manager has none`
    return [unsuitable('error', queue, what, 'ALTER QMGR DEADQ(SYSTEM.DEAD.LETTER.QUEUE), or another local queue')]
  }
  const what = `queue ${queue} has BOTHRESH(${threshold}) but no BOQNAME: a message that reaches it stops the agent`
  const remedy = `ALTER QLOCAL(${queue}) BOQNAME(${queue}.BACKOUT), or \`deadLetterQueue: true\` for the dead-letter queue`
  return [unsuitable('warning', queue, what, remedy)]
}

function attributeFindings({ mq }: MqSubscription, { queue, attributes, backout }: QueueLook): Finding[] {
  if (attributes === null) return []
  const findings: Finding[] = []
  if (attributes.getInhibited) {
    const what = `gets from queue ${queue} are inhibited: nothing is read until they are enabled`
    findings.push(unsuitable('warning', queue, what, `ALTER QLOCAL(${queue}) GET(ENABLED)`))
  }
  if (backout !== null) findings.push(...backoutFindings(queue, backout))
  if (!attributes.hardenBackout) {
    const what = `queue ${queue} has NOHARDENBO: back-outs are forgotten when the queue manager restarts`
    findings.push(unsuitable('info', queue, what, `ALTER QLOCAL(${queue}) HARDENBO`))
  }
  if (attributes.messageBytesMax > mq.messageBytesMax) {
    const what = `queue ${queue} takes messages of ${attributes.messageBytesMax} bytes (MAXMSGL), \`mq.messageBytesMax\` is ${mq.messageBytesMax}: a larger one would stop the agent`
    findings.push(
      unsuitable(
        'warning',
        queue,
        what,
        `\`messageBytesMax: ${attributes.messageBytesMax}\`, and max.message.bytes of the topic accordingly`
      )
    )
  }
  return findings
}

function unsuitable(severity: Severity, place: string, what: string, remedy: string): Finding {
  return { code: 'MQ_QUEUE_UNSUITABLE', severity, what, place, remedy }
}
