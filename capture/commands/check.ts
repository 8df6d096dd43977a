import { bySeverity } from '../finding.ts'
import { openConnections } from '../preflight/connections.ts'
import { preflight } from '../preflight/preflight.ts'
import type { ExitCode, Invocation } from './invocation.ts'
import { countText } from './presentation.ts'

/** `tidemark check`: everything that would break, at once; touches nothing. */
export async function check(invocation: Invocation): Promise<ExitCode> {
  const configuration = invocation.subscription()
  if (configuration === null) return 1
  if (configuration.mq !== undefined) return (await import('./queue-apply.ts')).checkQueues(invocation, configuration)
  const connections = openConnections(configuration)
  try {
    const { findings } = await preflight(configuration, connections)
    return invocation.findings(bySeverity(findings), `${configuration.subscription}: ${countText(findings)}`)
  } finally {
    await connections.close()
  }
}
