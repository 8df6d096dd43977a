import type { NewTopic } from '@tidemark/kafka/admin.ts'
import type { MqSubscription } from '../config/configuration.ts'
import { bySeverity, hasErrors, type Finding } from '../finding.ts'
import { originPosition } from '../mq/position.ts'
import { writeGenesis } from '../ownership/genesis.ts'
import { openQueueConnections, queuePreflight, type QueueConnections } from '../preflight/queue-preflight.ts'
import { newTopics } from '../provision/new-topics.ts'
import { stepText, type Step } from '../provision/plan.ts'
import { sessionOpener } from '../subscription.ts'
import { systemSurroundings } from '../system-surroundings.ts'
import { errorOf } from './finding-error.ts'
import type { ExitCode, Invocation } from './invocation.ts'
import { countText, findingsText } from './presentation.ts'

type QueueStep = Extract<Step, { kind: 'topic' | 'genesis' }>

interface QueuePlan {
  steps: QueueStep[]
  system: string
  findings: Finding[]
}

/** `tidemark check` for queues. */
export async function checkQueues(invocation: Invocation, configuration: MqSubscription): Promise<ExitCode> {
  return withConnections(configuration, async connections => {
    const { findings } = await queuePreflight(configuration, connections, process.env)
    return invocation.findings(bySeverity(findings), `${configuration.subscription}: ${countText(findings)}`)
  })
}

/** `tidemark plan` and, with `doing`, `tidemark apply` for queues. */
export async function planQueues(
  invocation: Invocation,
  configuration: MqSubscription,
  doing: boolean
): Promise<ExitCode> {
  return withConnections(configuration, async connections => {
    const plan = await makePlan(configuration, connections)
    if (hasErrors(plan.findings)) {
      return invocation.findings(plan.findings, `nothing can be applied: ${countText(plan.findings)}`)
    }
    const json = {
      ok: true,
      steps: plan.steps.map(step => ({ kind: step.kind, ...stepText(step) })),
      findings: plan.findings
    }
    const text = planText(invocation, plan)
    if (!doing || plan.steps.length === 0) {
      invocation.answer(json, `${text}${plan.steps.length === 0 ? 'nothing to do' : 'do it with `tidemark apply`'}\n`)
      return 0
    }
    invocation.say(text.trimEnd())
    if (!(await invocation.confirmed('Do it?'))) return 1
    await carryOut(configuration, connections, plan, line => invocation.say(line))
    invocation.answer(json, 'done\n')
    return 0
  })
}

/** What `tidemark apply --yes` does, without its answer. Throws the first error among the findings, or of a step. */
export async function applyQueues(configuration: MqSubscription, say: (line: string) => void): Promise<void> {
  await withConnections(configuration, async connections => {
    const plan = await makePlan(configuration, connections)
    if (hasErrors(plan.findings)) throw errorOf(plan.findings)
    await carryOut(configuration, connections, plan, say)
  })
}

async function withConnections<T>(
  configuration: MqSubscription,
  work: (connections: QueueConnections) => Promise<T>
): Promise<T> {
  const connections = openQueueConnections(configuration)
  try {
    return await work(connections)
  } finally {
    await connections.close()
  }
}

async function makePlan(configuration: MqSubscription, connections: QueueConnections): Promise<QueuePlan> {
  const { queues, cluster, findings } = await queuePreflight(configuration, connections, process.env)
  if (queues === null || cluster === null) return { steps: [], system: '', findings }
  const topics = newTopics(configuration, cluster).map((topic: NewTopic) => ({ kind: 'topic' as const, topic }))
  const genesis = cluster.stream === null ? [{ kind: 'genesis' as const, topic: configuration.commitStream }] : []
  return { steps: [...topics, ...genesis], system: queues.system, findings }
}

async function carryOut(
  configuration: MqSubscription,
  connections: QueueConnections,
  { steps, system }: QueuePlan,
  say: (line: string) => void
): Promise<void> {
  for (const step of steps) {
    say(stepText(step).what)
    if (step.kind === 'topic') await connections.admin.createTopics([step.topic])
    else await begin(configuration, connections, system)
  }
}

function begin(configuration: MqSubscription, connections: QueueConnections, system: string): Promise<number> {
  return writeGenesis({
    subscription: configuration.subscription,
    log: connections.commitStream,
    openSession: sessionOpener(connections.cluster),
    signal: new AbortController().signal,
    now: () => systemSurroundings.now(),
    randomBytes: length => systemSurroundings.randomBytes(length),
    system,
    position: originPosition,
    refresh: false
  })
}

function planText({ style }: Invocation, { steps, findings }: QueuePlan): string {
  const warnings = findingsText(
    findings.filter(({ severity }) => severity === 'warning'),
    style
  )
  const lines = steps.map((step, index) => {
    const { what, detail } = stepText(step)
    return `${String(index + 1).padStart(2)}. ${style.bold(what)}\n    ${detail}\n`
  })
  return `${warnings}${lines.join('')}`
}
