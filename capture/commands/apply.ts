import type { Configuration } from '../config/configuration.ts'
import { findingOf, hasErrors, type Finding } from '../finding.ts'
import { openConnections, type Connections } from '../preflight/connections.ts'
import { preflight } from '../preflight/preflight.ts'
import { carryOut } from '../provision/carry-out.ts'
import { planSteps, stepText, type Step } from '../provision/plan.ts'
import type { SourceIdentity } from '../source.ts'
import { errorOf } from './finding-error.ts'
import { planQueues } from './queue-apply.ts'
import type { ExitCode, Invocation } from './invocation.ts'
import { countText, findingsText } from './presentation.ts'
import { stopSignals } from './stop-signals.ts'

interface Plan {
  steps: readonly Step[]
  identity: SourceIdentity
  findings: readonly Finding[]
}

/** `tidemark plan`: the steps, none of them done. */
export async function plan(invocation: Invocation): Promise<ExitCode> {
  const configuration = invocation.subscription()
  if (configuration === null) return 1
  if (configuration.mq !== undefined) return planQueues(invocation, configuration, false)
  const connections = openConnections(configuration)
  try {
    const made = await makePlan(configuration, connections)
    if ('errors' in made) return refused(invocation, made.errors)
    answer(invocation, made, made.steps.length === 0 ? 'nothing to do' : 'do it with `tidemark apply`')
    return 0
  } finally {
    await connections.close()
  }
}

/** `tidemark apply`: shows the steps, asks, does them. */
export async function apply(invocation: Invocation): Promise<ExitCode> {
  const configuration = invocation.subscription()
  if (configuration === null) return 1
  if (configuration.mq !== undefined) return planQueues(invocation, configuration, true)
  const connections = openConnections(configuration)
  const stop = stopSignals(process)
  try {
    const made = await makePlan(configuration, connections)
    if ('errors' in made) return refused(invocation, made.errors)
    if (made.steps.length === 0) {
      answer(invocation, made, 'nothing to do')
      return 0
    }
    if (!invocation.json) invocation.say(planText(invocation, made).trimEnd())
    if (!(await invocation.confirmed('Do it?'))) return 1
    const say = (line: string) => invocation.say(line)
    await carryOut({ configuration, connections, ...made, signal: stop.signal, say })
    invocation.answer(planJson(made), 'done\n')
    return 0
  } finally {
    stop.forget()
    await connections.close()
  }
}

/** What `tidemark apply --yes` does, without its answer. Throws the first error among the findings, or of a step. */
export async function applyConfiguration(
  configuration: Configuration,
  say: (line: string) => void,
  signal: AbortSignal = new AbortController().signal
): Promise<void> {
  const connections = openConnections(configuration)
  try {
    const made = await makePlan(configuration, connections)
    if ('errors' in made) throw errorOf(made.errors)
    await carryOut({ configuration, connections, ...made, signal, say })
  } finally {
    await connections.close()
  }
}

/** The steps, or what forbids to do any. */
async function makePlan(configuration: Configuration, connections: Connections): Promise<Plan | { errors: Finding[] }> {
  const { database, cluster, findings } = await preflight(configuration, connections)
  if (database === null || cluster === null || hasErrors(findings)) return { errors: findings }
  try {
    return { steps: planSteps(configuration, database, cluster), identity: database.identity, findings }
  } catch (error) {
    return { errors: [...findings, findingOf(error)] }
  }
}

function refused(invocation: Invocation, findings: readonly Finding[]): ExitCode {
  return invocation.findings(findings, `nothing can be applied: ${countText(findings)}`)
}

function answer(invocation: Invocation, made: Plan, end: string): void {
  invocation.answer(planJson(made), `${planText(invocation, made)}${end}\n`)
}

function planJson({ steps, findings }: Plan): object {
  return { ok: true, steps: steps.map(step => ({ kind: step.kind, ...stepText(step) })), findings }
}

function planText({ style }: Invocation, { steps, findings }: Plan): string {
  const warnings = findingsText(
    findings.filter(finding => finding.severity === 'warning'),
    style
  )
  const lines = steps.map((step, index) => {
    const { what, detail } = stepText(step)
    return `${String(index + 1).padStart(2)}. ${style.bold(what)}\n    ${detail.replaceAll('\n', '\n    ')}\n`
  })
  return `${warnings}${lines.join('')}`
}
