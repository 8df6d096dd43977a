import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { MqSubscription } from '../config/configuration.ts'
import type { QueueConfiguration } from '../config/mq-configuration.ts'
import { findingOf, hasErrors, type Finding } from '../finding.ts'
import { browsedTransactions, type BrowsedMessage } from '../mq/browsed-transactions.ts'
import { MessageOperation } from '../mq/message-operation.ts'
import { mqSourceOptions } from '../mq/mq-options.ts'
import { browsedQueues } from '../mq/browsed-queues.ts'
import { collectingProducer, configuredProducer, type ConfiguredProducer } from '../preview/preview-producer.ts'
import { PreviewPrinter } from '../preview/preview-printer.ts'
import { PreviewReceiver } from '../preview/preview-receiver.ts'
import { restrictedTopics } from '../preview/shown-record.ts'
import { startProcessors } from '../running-processors.ts'
import { withUnit } from '../source.ts'
import type { ExitCode, Invocation } from './invocation.ts'
import { findingsText } from './presentation.ts'
import type { PreviewOptions } from './preview-options.ts'

/** `tidemark preview` of queues: the records that present messages would become. The messages are browsed and stay. */
export async function previewQueues(
  invocation: Invocation,
  configuration: MqSubscription,
  options: PreviewOptions
): Promise<ExitCode> {
  requirePossible(options)
  const queues = chosenQueues(configuration, invocation.arguments)
  const running = await startProcessors(configuration)
  const findings: Finding[] = []
  try {
    const made = await configuredProducer(configuration, ({ message }) => invocation.say(`  ${message}`), running)
    const { json, style } = invocation
    const printer = new PreviewPrinter({ json, style, schemas: made.schemas, write: text => invocation.stream(text) })
    const source = { ...mqSourceOptions(configuration), queues: queues.map(queueOptions) }
    const { messages, faults } = await browsedQueues(source, process.env, options.rows)
    queues.forEach((queue, index) => {
      const fault = faults.get(queue.name)
      if (fault !== undefined) findings.push(findingOf(fault))
      findings.push(...show(configuration, queue, messages[index]!, made, printer))
    })
  } finally {
    await running.close()
  }
  const done = `${JSON.stringify({ type: 'done', ok: !hasErrors(findings), findings })}\n`
  invocation.stream(invocation.json ? done : findingsText(findings, invocation.style))
  return hasErrors(findings) ? 1 : 0
}

/** Whoever gets a message takes it from the agent, and recordings have no properties of messages. */
function requirePossible({ live, record }: PreviewOptions): void {
  const refuse = (what: string, cure: string) => new TidemarkError('NOT_AVAILABLE', { message: what, cure })
  if (live !== null) {
    throw refuse('live changes of queues cannot be shown', 'leave out --live: what is on the queues now is shown')
  }
  if (record !== null) throw refuse('messages of queues cannot be recorded in this version', 'leave out --record')
}

/** Throws USAGE for one that is not configured. */
function chosenQueues({ mq }: MqSubscription, names: readonly string[]): readonly QueueConfiguration[] {
  const configured = mq.queues.map(({ name }) => name)
  const strange = names.find(name => !configured.includes(name))
  if (strange === undefined) return mq.queues.filter(({ name }) => names.length === 0 || names.includes(name))
  throw new TidemarkError('USAGE', {
    message: `queue ${strange} is not in the configuration`,
    cure: `name one of: ${configured.join(', ')}`
  })
}

function queueOptions(queue: QueueConfiguration) {
  const { name, unit, batchMessages, batchMs, convert } = queue
  return { name, unit, batchMessages, batchMs, convert, backoutThreshold: null, backoutQueue: null }
}

/** What one queue cannot show is no reason to show nothing of the others. */
function show(
  configuration: MqSubscription,
  queue: QueueConfiguration,
  messages: readonly BrowsedMessage[],
  made: ConfiguredProducer,
  printer: PreviewPrinter
): Finding[] {
  const findings: Finding[] = []
  const { transactions, incomplete } = browsedTransactions(messages, queue)
  printer.queue(queue.name, messages.length)
  const receiver = new PreviewReceiver({
    ...collectingProducer(made),
    show: { schemas: made.schemas, restricted: restrictedTopics(configuration) },
    printer,
    recorder: null,
    processorOf: () => queue.processor,
    isWanted: () => true,
    onFailed: error => void findings.push(findingOf(error)),
    onTransaction: () => {},
    onPassed: () => {}
  })
  const operation = new MessageOperation()
  for (const transaction of transactions) {
    receiver.begin(operation.begin(transaction[0]!.descriptor, queue.unit))
    for (const { descriptor, body } of transaction) {
      receiver.operation(operation.show(queue.name, descriptor, body))
    }
    receiver.commit(withUnit)
  }
  return incomplete === 0 ? findings : [...findings, notWhole(queue, incomplete)]
}

function notWhole({ name, place }: QueueConfiguration, incomplete: number): Finding {
  const what = `${incomplete} of the messages of queue ${name} are of groups that are not whole among those shown: the agent carries a group once all of it is there`
  return { code: 'MQ_QUEUE_UNSUITABLE', severity: 'info', what, place, remedy: 'look at more with --rows' }
}
