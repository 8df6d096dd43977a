import { formatLsn, lsnFromBytes, type Lsn } from '@tidemark/schemas/position.ts'
import { isTidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { Configuration } from '../config/configuration.ts'
import { bySeverity, findingOf, hasErrors, type Finding } from '../finding.ts'
import type { StreamState } from '../ownership/stream-state.ts'
import { readCluster, type ClusterFacts } from '../preflight/cluster-facts.ts'
import { openConnections, type Connections } from '../preflight/connections.ts'
import { readDatabase, type DatabaseFacts } from '../preflight/database-facts.ts'
import { standingFindings } from '../preflight/preflight.ts'
import { readSlotRates, slotOutlook, type SlotOutlook, type SlotRates } from '../preflight/slot-outlook.ts'
import type { ExitCode, Invocation } from './invocation.ts'
import { bytesText, durationText, findingsText, type Style } from './presentation.ts'
import { letterFindings } from './letter-findings.ts'
import { readerFindings } from './reader-findings.ts'
import { streamFindings } from './stream-findings.ts'
import { streamStanding, streamText, type StreamStanding } from './stream-text.ts'

/** How a subscription stands. null: not known, since its side could not be asked or nothing is there yet. */
export interface Status {
  ok: boolean
  subscription: string
  /** All transactions at or before it are in the commit stream, as PostgreSQL writes an LSN. */
  position: string | null
  sequence: number | null
  epoch: number | null
  /** Name of the agent that made the last claim. */
  owner: string | null
  firstCopy: 'done' | 'wanted' | 'running' | null
  /** WAL written since `position`. */
  lagBytes: number | null
  /** Since the commit stream's last word, when there is WAL after it. */
  lagSeconds: number | null
  slot:
    | (SlotOutlook & { name: string; activePid: number | null; retainedBytes: number | null; safeBytes: number | null })
    | null
  /** null: not there yet. */
  stream: StreamStanding | null
  findings: Finding[]
}

/** `tidemark status`: position, lag, slot health, epoch and owner, asked of both systems now. */
export async function status(invocation: Invocation): Promise<ExitCode> {
  const configuration = invocation.subscription()
  if (configuration === null) return 1
  if (configuration.mq !== undefined) return (await import('./queue-status.ts')).queueStatus(invocation, configuration)
  const connections = openConnections(configuration)
  try {
    const stands = await readStatus(configuration, connections, Date.now())
    invocation.answer(stands, statusText(stands, invocation.style))
    return stands.ok ? 0 : 1
  } finally {
    await connections.close()
  }
}

/** `now`: ms since the Unix epoch. Throws nothing but what is no TidemarkError. */
export async function readStatus(configuration: Configuration, connections: Connections, now: number): Promise<Status> {
  const findings: Finding[] = []
  const attempt = async <T>(ask: () => Promise<T>): Promise<T | null> => {
    try {
      return await ask()
    } catch (error) {
      if (!isTidemarkError(error)) throw error
      findings.push(findingOf(error))
      return null
    }
  }
  const { sql } = connections
  const database = await attempt(() => readDatabase(sql, configuration))
  const rates = await attempt(() =>
    sql.do('asking for rates', client => readSlotRates(client, configuration.postgres.slot))
  )
  const cluster = await attempt(() => readCluster(connections, configuration))
  if (database !== null && cluster !== null) findings.push(...standingFindings(configuration, database, cluster))
  if (cluster !== null) findings.push(...streamFindings(cluster, configuration))
  if (cluster !== null) findings.push(...(await letterFindings(connections, configuration, cluster)))
  if (cluster !== null) findings.push(...(await readerFindings(connections, configuration, cluster, now)))
  return statusOf(configuration, database, rates, cluster, findings, now)
}

function statusOf(
  configuration: Configuration,
  database: DatabaseFacts | null,
  rates: SlotRates | null,
  cluster: ClusterFacts | null,
  findings: Finding[],
  now: number
): Status {
  const stream = cluster?.stream ?? null
  const position = stream === null ? null : lsnFromBytes(stream.position)
  const lagBytes = lagOf(database, position)
  return {
    ok: !hasErrors(findings),
    subscription: configuration.subscription,
    position: position === null ? null : formatLsn(position),
    sequence: stream?.sequence ?? null,
    epoch: stream?.epoch ?? null,
    owner: stream?.agent ?? null,
    firstCopy: stream === null ? null : stream.refresh === 'none' ? 'done' : stream.refresh,
    lagBytes,
    lagSeconds: secondsOf(stream, lagBytes, now),
    slot: database === null || rates === null ? null : slotOf(configuration, database, rates),
    stream: streamStanding(configuration, cluster?.extent),
    findings: bySeverity(findings)
  }
}

function lagOf(database: DatabaseFacts | null, position: Lsn | null): number | null {
  const written = database?.server.walPosition ?? null
  if (written === null || position === null) return null
  return Math.max(0, Number(written - position))
}

/** Times of the stream never run ahead of the source's: a reader of an old backlog is as far behind as that backlog. */
function secondsOf(stream: StreamState | null, lagBytes: number | null, now: number): number | null {
  if (stream === null || lagBytes === null) return null
  return lagBytes === 0 ? 0 : Math.max(0, Math.round((now - stream.timestamp) / 1000))
}

function slotOf(
  { postgres }: Configuration,
  { slot, server }: DatabaseFacts,
  rates: SlotRates
): NonNullable<Status['slot']> {
  const bytes = (value: bigint | null | undefined) => (value === null || value === undefined ? null : Number(value))
  return {
    name: postgres.slot,
    ...slotOutlook(slot, server, rates),
    activePid: slot?.activePid ?? null,
    retainedBytes: bytes(slot?.retainedBytes),
    safeBytes: bytes(slot?.safeWalBytes)
  }
}

function statusText(status: Status, style: Style): string {
  const { slot } = status
  const rows: [string, string][] = [
    ['subscription', status.subscription],
    ['position', status.position === null ? 'none' : `${status.position} (sequence ${status.sequence})`],
    ['lag', lagText(status)],
    ['slot', slot === null ? 'unknown' : `${slot.name}: ${slotText(slot)}`],
    ['owner', status.owner === null ? 'none yet' : `${status.owner} (epoch ${status.epoch})`],
    ['first copy', status.firstCopy ?? 'none yet'],
    ['commit stream', streamText(status.stream)]
  ]
  const lines = rows.map(([name, value]) => `${style.faint(name.padEnd(13))} ${value}\n`)
  return `${lines.join('')}${findingsText(status.findings, style)}`
}

function lagText({ lagBytes, lagSeconds }: Status): string {
  if (lagBytes === null || lagSeconds === null) return 'unknown'
  return `${bytesText(lagBytes)}, ${durationText(lagSeconds)}`
}

function slotText(slot: NonNullable<Status['slot']>): string {
  const parts: string[] = [slot.condition]
  if (slot.activePid !== null) parts.push(`read by pid ${slot.activePid}`)
  if (slot.retainedBytes !== null) parts.push(`keeps ${bytesText(slot.retainedBytes)} of WAL`)
  if (slot.hoursLeft !== null) parts.push(`without an agent it would be lost in ${durationText(slot.hoursLeft * 3600)}`)
  return parts.join(', ')
}
