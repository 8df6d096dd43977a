import { groupOffsets } from '@tidemark/kafka/group-offsets.ts'
import { errorCodes } from '@tidemark/schemas/error-codes.ts'
import { isTidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { SubscriptionConfiguration } from '../config/configuration.ts'
import { findingOf, type Finding } from '../finding.ts'
import type { CommitStreamLog } from '../ownership/commit-stream-log.ts'
import type { StreamExtent } from '../ownership/stream-extent.ts'
import type { ClusterFacts } from '../preflight/cluster-facts.ts'
import type { Connections } from '../preflight/connections.ts'
import { durationText } from './presentation.ts'

/** A group this far through the retention is near to being overtaken. */
const nearPart = 0.75
/** Groups whose records are looked at, those that lag most first. */
const groupsMax = 20

/**
 * Consumer groups that trimming has overtaken, or is about to. Nothing where nothing is trimmed. Readers that keep their
 * bookmark elsewhere are not known here. Throws nothing but what is no TidemarkError. `now`: ms since the Unix epoch.
 */
export async function readerFindings(
  { cluster, commitStream }: Pick<Connections, 'cluster' | 'commitStream'>,
  { commitStreamRetentionMs }: SubscriptionConfiguration,
  { extent }: Pick<ClusterFacts, 'extent'>,
  now: number
): Promise<Finding[]> {
  if (commitStreamRetentionMs === null || extent === null) return []
  try {
    const groups = await groupOffsets(cluster, commitStream.topic, 0)
    return await lagFindings(groups, commitStream, { extent, retentionMs: commitStreamRetentionMs, now })
  } catch (error) {
    if (!isTidemarkError(error)) throw error
    // Trimmed while it was looked at.
    return error.code === 'STREAM_TRIMMED' ? [] : [findingOf(error)]
  }
}

interface Standing {
  extent: StreamExtent
  retentionMs: number
  now: number
}

/** By what each group is to read next. */
export async function lagFindings(
  groups: ReadonlyMap<string, number>,
  log: Pick<CommitStreamLog, 'at' | 'topic'>,
  { extent, retentionMs, now }: Standing
): Promise<Finding[]> {
  const findings: Finding[] = []
  const end = extent.begin + extent.records
  const behind = [...groups].filter(([, offset]) => offset < end).sort(([, one], [, other]) => one - other)
  for (const [group, offset] of behind.slice(0, groupsMax)) {
    const reads = `group ${group} is to read on at offset ${offset}`
    if (offset < extent.begin) {
      findings.push(overtaken(`${reads}, and the commit stream begins at ${extent.begin}`, log.topic))
      continue
    }
    const ageMs = now - (await log.at(offset)).timestamp
    if (ageMs < retentionMs * nearPart) continue
    const [age, kept] = [ageMs, retentionMs].map(ms => durationText(ms / 1000))
    findings.push(overtaken(`${reads}, dated ${age} ago: what is older than ${kept} is trimmed away`, log.topic))
  }
  return findings
}

function overtaken(what: string, place: string): Finding {
  return { code: 'STREAM_TRIMMED', severity: 'warning', what, place, remedy: errorCodes.STREAM_TRIMMED.cure }
}
