import type { SubscriptionConfiguration } from '../config/configuration.ts'
import { findingOf, type Finding } from '../finding.ts'
import type { ClusterFacts } from '../preflight/cluster-facts.ts'

/** What of a commit stream keeps a subscription from being run. Pure. */
export function streamFindings(
  { stream, streamFault }: Pick<ClusterFacts, 'stream' | 'streamFault'>,
  { commitStream }: Pick<SubscriptionConfiguration, 'commitStream'>
): Finding[] {
  if (streamFault !== null) return [findingOf(streamFault)]
  if (stream !== null && stream.refresh === 'none') return []
  const applied = stream !== null
  const what = applied
    ? 'the first copy is not finished'
    : 'the subscription was never applied: its commit stream is empty or missing'
  return [
    {
      code: applied ? 'REFRESH_INCOMPLETE' : 'STREAM_EMPTY',
      severity: 'error',
      what,
      place: commitStream,
      remedy: applied ? 'wait for `tidemark apply`, or run it again if it was interrupted' : '`tidemark apply`'
    }
  ]
}
