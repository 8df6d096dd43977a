import { findingOf, type Finding, type Severity } from '@tidemark/capture/finding.ts'
import { isTidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { errorOf } from '@tidemark/capture/mq/failed-event.ts'
import type { PutterEvent, StateLook, TargetLook } from './putter-messages.ts'
import type { SinkConfiguration } from './sink-configuration.ts'
import { sourceOf } from './sink-parts.ts'
import { parseState } from './sink-state.ts'

type Looked = Extract<PutterEvent, { type: 'looked' }>

/** What of the queue manager and its queues would break, or would surprise. Pure. */
export function targetFindings(configuration: SinkConfiguration, looked: Looked): Finding[] {
  return [
    ...managerFindings(configuration, looked),
    ...stateFindings(configuration, looked.state),
    ...looked.queues.flatMap(look => queueFindings(look))
  ]
}

function managerFindings(configuration: SinkConfiguration, { maxUncommitted }: Looked): Finding[] {
  const { unitOfWork, connection, largeTransactions } = configuration
  if (maxUncommitted >= unitOfWork.messages + 2) return []
  const large = largeTransactions === 'stop' ? 'stops the sink' : 'is put over several'
  const what = `the queue manager allows ${maxUncommitted} messages in a unit of work (MAXUMSGS), fewer than \`mq.unitOfWork.messages\` ${unitOfWork.messages} and two for the state: units end there, and a larger transaction ${large}`
  return [unsuitable('warning', connection.queueManager, what, 'ALTER QMGR MAXUMSGS(10000)')]
}

function stateFindings(configuration: SinkConfiguration, look: StateLook): Finding[] {
  const { queue, fault, inUse, messages, getInhibited, backoutThreshold } = look
  if (fault !== null) return [findingOf(errorOf(fault))]
  if (inUse) {
    const what = `state queue ${queue} is open in another program: the sink runs, or is not the only one`
    return [{ code: 'MQ_QUEUE_IN_USE', severity: 'info', what, place: queue, remedy: '' }]
  }
  const findings: Finding[] = []
  if (getInhibited) {
    findings.push(unsuitable('error', queue, `gets from ${queue} are inhibited`, `ALTER QLOCAL(${queue}) GET(ENABLED)`))
  } else if (messages.length === 0) {
    const what = `state queue ${queue} holds no state yet: it begins at \`from: ${configuration.from}\``
    const remedy = 'tidemark-mq-sink apply'
    findings.push({ code: 'MQ_STATE_MISSING', severity: 'warning', what, place: queue, remedy })
  } else findings.push(...messageFindings(configuration, queue, messages))
  if (backoutThreshold > 0) {
    const what = `state queue ${queue} has BOTHRESH(${backoutThreshold}): a program that heeds it could take the state away`
    findings.push(unsuitable('warning', queue, what, `ALTER QLOCAL(${queue}) BOTHRESH(0)`))
  }
  return findings
}

function messageFindings(configuration: SinkConfiguration, queue: string, messages: readonly string[]): Finding[] {
  try {
    if (messages.length === 1) parseState(messages[0]!, configuration.sink, sourceOf(configuration), queue)
    else
      return [
        unsuitable('error', queue, `state queue ${queue} has more than one message`, 'give it a queue of its own')
      ]
    return []
  } catch (error) {
    if (isTidemarkError(error)) return [findingOf(error)]
    throw error
  }
}

function queueFindings({ queue, fault, depth, depthMax, messageBytesMax, putInhibited }: TargetLook): Finding[] {
  if (fault !== null) return [findingOf(errorOf(fault))]
  const findings: Finding[] = []
  if (putInhibited) {
    const what = `puts to queue ${queue} are inhibited: the sink waits until they are enabled`
    findings.push(unsuitable('warning', queue, what, `ALTER QLOCAL(${queue}) PUT(ENABLED)`))
  }
  if (depth * 10 >= depthMax * 8) {
    const what = `queue ${queue} holds ${depth} of ${depthMax} messages (MAXDEPTH): when it is full, the sink waits`
    findings.push(unsuitable('warning', queue, what, `have it emptied, or ALTER QLOCAL(${queue}) MAXDEPTH(<more>)`))
  }
  if (messageBytesMax < 1_048_576) {
    const what = `queue ${queue} takes messages of ${messageBytesMax} bytes (MAXMSGL): a larger record stops the sink`
    findings.push(unsuitable('info', queue, what, `ALTER QLOCAL(${queue}) MAXMSGL(4194304)`))
  }
  return findings
}

function unsuitable(severity: Severity, place: string, what: string, remedy: string): Finding {
  return { code: 'MQ_QUEUE_UNSUITABLE', severity, what, place, remedy }
}
