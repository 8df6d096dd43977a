import { loadProcessor } from '@tidemark/kcop/processor-file.ts'
import { isTidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { Configuration } from '../config/configuration.ts'
import { findingOf, type Finding } from '../finding.ts'
import { readCluster, type ClusterFacts } from './cluster-facts.ts'
import type { Connections } from './connections.ts'
import { continuityFindings } from './continuity-findings.ts'
import { readDatabase, type DatabaseFacts } from './database-facts.ts'
import { databaseFindings } from './database-findings.ts'
import { alterationFindings } from './lookup-findings.ts'
import { hiddenTopics, permissionFindings, readPermissions } from './permission-findings.ts'
import { registryFindings } from './registry-findings.ts'
import { clusterFindings } from './topic-findings.ts'

/** Both systems as they stand, and what of them would break; null for one that could not be looked at. */
export interface Preflight {
  database: DatabaseFacts | null
  cluster: ClusterFacts | null
  findings: Finding[]
}

/**
 * Looks at everything a subscription stands on and changes nothing. What keeps one system from being looked at is a
 * finding and does not hide what the other has. Throws nothing but what is no TidemarkError.
 */
export async function preflight(configuration: Configuration, connections: Connections): Promise<Preflight> {
  const findings: Finding[] = await processorFindings(configuration)
  const attempt = <T>(look: () => Promise<T>) => attempted(look, findings)
  // The slot's position is read before the stream's: read after it, a healthy slot may look ahead.
  const database = await attempt(() => readDatabase(connections.sql, configuration))
  const permissions = await attempt(() => readPermissions(connections.cluster, configuration))
  if (permissions !== null) findings.push(...permissionFindings(configuration, permissions))
  const hidden = permissions === null ? null : hiddenTopics(permissions, configuration.commitStream)
  const cluster = hidden === null ? null : await attempt(() => readCluster(connections, configuration, hidden))
  if (database !== null) findings.push(...databaseFindings(configuration, database))
  if (database !== null) findings.push(...(await registryFindings(configuration, database.definitions)))
  if (cluster !== null) findings.push(...clusterFindings(configuration, cluster))
  const isStreamSeen = hidden?.has(configuration.commitStream) === false
  if (database !== null && cluster !== null && isStreamSeen) {
    findings.push(...standingFindings(configuration, database, cluster))
    if (cluster.stream !== null) findings.push(...alterationFindings(database.lookups, cluster.stream.claimed))
  }
  return { database, cluster, findings }
}

async function attempted<T>(look: () => Promise<T>, findings: Finding[]): Promise<T | null> {
  try {
    return await look()
  } catch (error) {
    if (!isTidemarkError(error)) throw error
    findings.push(findingOf(error))
    return null
  }
}

async function processorFindings(configuration: Configuration): Promise<Finding[]> {
  const findings: Finding[] = []
  const files = new Set(configuration.tables.map(table => table.processor).filter(file => file !== null))
  for (const file of files) await attempted(() => loadProcessor(file), findings)
  return findings
}

/** Whether slot, publication and commit stream continue each other. */
export function standingFindings(
  configuration: Configuration,
  database: DatabaseFacts,
  cluster: ClusterFacts
): Finding[] {
  if (cluster.streamFault !== null) return []
  return continuityFindings({
    slot: database.slot,
    slotName: configuration.postgres.slot,
    commitStreamName: configuration.commitStream,
    database: database.role.database,
    identity: database.identity,
    publicationExists: database.publication !== null,
    stream: cluster.stream
  })
}
