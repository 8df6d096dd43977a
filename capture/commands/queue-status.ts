import type { MqSubscription } from '../config/configuration.ts'
import { bySeverity, hasErrors, type Finding } from '../finding.ts'
import { positionText } from '../mq/position.ts'
import type { QueueLook } from '../mq/reader-messages.ts'
import type { ClusterFacts } from '../preflight/cluster-facts.ts'
import type { QueueFacts } from '../preflight/queue-findings.ts'
import { openQueueConnections, queuePreflight } from '../preflight/queue-preflight.ts'
import type { ExitCode, Invocation } from './invocation.ts'
import { durationText, findingsText, type Style } from './presentation.ts'
import { letterFindings } from './letter-findings.ts'
import { readerFindings } from './reader-findings.ts'
import { streamFindings } from './stream-findings.ts'
import { streamStanding, streamText, type StreamStanding } from './stream-text.ts'

/** How a subscription to queues stands. null: not known, since its side could not be asked or nothing is there yet. */
export interface QueueStatus {
  ok: boolean
  subscription: string
  /** The last unit of work named. */
  position: string | null
  sequence: number | null
  epoch: number | null
  /** Name of the agent that made the last claim. */
  owner: string | null
  /** Messages on all queues: those in the agent's open unit of work are among them. */
  lagMessages: number | null
  /** Since the commit stream's last word, when there are messages. */
  lagSeconds: number | null
  queues: QueueStanding[]
  /** null: not there yet. */
  stream: StreamStanding | null
  findings: Finding[]
}

export interface QueueStanding {
  name: string
  depth: number | null
  getInhibited: boolean | null
  /** Open exclusively in a program: as a rule the agent. */
  inUse: boolean
}

/** `tidemark status` for queues: position, depth, epoch and owner, asked of both systems now. */
export async function queueStatus(invocation: Invocation, configuration: MqSubscription): Promise<ExitCode> {
  const connections = openQueueConnections(configuration)
  try {
    const { queues, cluster, findings } = await queuePreflight(configuration, connections, process.env)
    if (cluster !== null) findings.push(...(await letterFindings(connections, configuration, cluster)))
    if (cluster !== null) findings.push(...(await readerFindings(connections, configuration, cluster, Date.now())))
    const stands = statusOf(configuration, queues, cluster, findings, Date.now())
    invocation.answer(stands, statusText(stands, invocation.style))
    return stands.ok ? 0 : 1
  } finally {
    await connections.close()
  }
}

/** Pure; `now`: ms since the Unix epoch. */
export function statusOf(
  configuration: MqSubscription,
  facts: QueueFacts | null,
  cluster: ClusterFacts | null,
  found: readonly Finding[],
  now: number
): QueueStatus {
  const stream = cluster?.stream ?? null
  const queues = facts?.queues.map(standingOf) ?? []
  const lagMessages = facts === null ? null : sumOf(queues)
  // What only `check` is for, and what a running agent brings with it, is no news here.
  const findings = found.filter(({ code, severity }) => severity !== 'info' && code !== 'MQ_QUEUE_IN_USE')
  if (cluster !== null && cluster.streamFault === null) findings.push(...streamFindings(cluster, configuration))
  return {
    ok: !hasErrors(findings),
    subscription: configuration.subscription,
    position: stream === null ? null : positionText(stream.position),
    sequence: stream?.sequence ?? null,
    epoch: stream?.epoch ?? null,
    owner: stream?.agent ?? null,
    lagMessages,
    lagSeconds: stream === null || lagMessages === null ? null : secondsOf(stream.timestamp, lagMessages, now),
    queues,
    stream: streamStanding(configuration, cluster?.extent),
    findings: bySeverity(findings)
  }
}

function standingOf({ queue, attributes, fault }: QueueLook): QueueStanding {
  return {
    name: queue,
    depth: attributes?.depth ?? null,
    getInhibited: attributes?.getInhibited ?? null,
    inUse: fault?.code === 'MQ_QUEUE_IN_USE'
  }
}

function sumOf(queues: readonly QueueStanding[]): number | null {
  return queues.reduce<number | null>((sum, { depth }) => (sum === null || depth === null ? null : sum + depth), 0)
}

function secondsOf(timestamp: number, messages: number, now: number): number {
  return messages === 0 ? 0 : Math.max(0, Math.round((now - timestamp) / 1000))
}

function statusText(status: QueueStatus, style: Style): string {
  const { position, sequence, owner, epoch, queues } = status
  const rows: [string, string][] = [
    ['subscription', status.subscription],
    ['position', position === null ? 'none' : `${position} (sequence ${sequence})`],
    ['lag', lagText(status)],
    ...queues.map((queue): [string, string] => ['queue', `${queue.name}: ${queueText(queue)}`]),
    ['owner', owner === null ? 'none yet' : `${owner} (epoch ${epoch})`],
    ['commit stream', streamText(status.stream)]
  ]
  const lines = rows.map(([name, value]) => `${style.faint(name.padEnd(13))} ${value}\n`)
  return `${lines.join('')}${findingsText(status.findings, style)}`
}

function lagText({ lagMessages, lagSeconds }: QueueStatus): string {
  if (lagMessages === null) return 'unknown'
  const messages = `${lagMessages} ${lagMessages === 1 ? 'message' : 'messages'}`
  return lagSeconds === null ? messages : `${messages}, ${durationText(lagSeconds)}`
}

function queueText({ depth, inUse, getInhibited }: QueueStanding): string {
  const parts = [depth === null ? 'unknown' : `${depth} ${depth === 1 ? 'message' : 'messages'}`]
  if (inUse) parts.push('open exclusively')
  if (getInhibited === true) parts.push('gets inhibited')
  return parts.join(', ')
}
