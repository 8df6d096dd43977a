import type { ExitCode, Invocation } from '@tidemark/capture/commands/invocation.ts'
import { countText } from '@tidemark/capture/commands/presentation.ts'
import { bySeverity, findingOf, type Finding } from '@tidemark/capture/finding.ts'
import { isTidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { askPutter } from './mq-sink.ts'
import { readSink, sinkSecrets, type SinkConfiguration } from './sink-configuration.ts'
import { targetFindings } from './sink-findings.ts'
import { firstState, putterOptions } from './sink-parts.ts'

/** `tidemark-mq-sink check` */
export async function check(invocation: Invocation): Promise<ExitCode> {
  const configuration = invocation.settings(readSink, sinkSecrets)
  if (configuration === null) return 1
  const findings = await sinkFindings(configuration, process.env)
  return invocation.findings(bySeverity(findings), `${configuration.sink}: ${countText(findings)}`)
}

/** Everything that would break; touches nothing. */
export async function sinkFindings(
  configuration: SinkConfiguration,
  environment: NodeJS.ProcessEnv
): Promise<Finding[]> {
  const findings: Finding[] = []
  const attempt = async (look: () => Promise<Finding[]>): Promise<void> => {
    try {
      findings.push(...(await look()))
    } catch (error) {
      if (!isTidemarkError(error)) throw error
      findings.push(findingOf(error))
    }
  }
  await attempt(async () => {
    const looked = await askPutter({ do: 'look', options: putterOptions(configuration) }, 'looked', environment)
    return targetFindings(configuration, looked)
  })
  await attempt(async () => {
    await firstState(configuration)
    return []
  })
  return findings
}
