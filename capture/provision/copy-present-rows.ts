import { hostname } from 'node:os'
import type { Configuration } from '../config/configuration.ts'
import { crashPoint } from '../delivery/crash-point.ts'
import { openFormats } from '../formats.ts'
import type { CreatedSlot } from '../postgres/slot.ts'
import type { Connections } from '../preflight/connections.ts'
import { firstCopy } from '../refresh/first-copy.ts'
import { startProcessors } from '../running-processors.ts'
import type { SourceIdentity } from '../source.ts'
import type { CapturedLookups } from '../lookups/captured-lookups.ts'
import { agentOptions } from '../subscription.ts'

export interface CopyRequest {
  configuration: Configuration
  connections: Connections
  /** Not released. */
  slot: CreatedSlot
  identity: SourceIdentity
  /** null: nothing is looked up in captured tables. */
  captured: CapturedLookups | null
  /** `schema.name` */
  tables: readonly string[]
  signal: AbortSignal
  say: (line: string) => void
}

/** Copies the present rows of the tables through the configured producer, before mirroring. */
export async function copyPresentRows(request: CopyRequest): Promise<void> {
  const { configuration, connections, slot, identity, captured, tables, signal, say } = request
  const processors = await startProcessors(configuration)
  const agent = `${hostname()}:${process.pid} (apply)`
  const formats = openFormats(configuration, notice => say(`  ${notice.message}`))
  const { cluster } = connections
  try {
    const options = { configuration, agent, onReached: crashPoint(process.env) }
    const copying = firstCopy({
      agent: {
        ...agentOptions(options, cluster, { ...processors, captured }, formats),
        lookups: captured?.ofSnapshot(slot.snapshot)
      },
      reader: connections.reader,
      session: connections.session,
      publication: configuration.postgres.publication,
      slot,
      identity,
      tables: new Set(tables),
      signal,
      onProgress: (rows, table) => say(`  ${rows} rows copied, at ${table}`)
    })
    const rows = await processors.during(copying)
    say(`  ${rows} row${rows === 1 ? '' : 's'} copied`)
  } finally {
    formats.close()
    await processors.close()
  }
}
