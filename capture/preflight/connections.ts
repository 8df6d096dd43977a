import { KafkaAdmin } from '@tidemark/kafka/admin.ts'
import { Cluster } from '@tidemark/kafka/cluster.ts'
import type { LogReader } from '@tidemark/kafka/log-reader.ts'
import { PartitionFetcher } from '@tidemark/kafka/partition-fetcher.ts'
import type { Configuration } from '../config/configuration.ts'
import { CommitStreamLog } from '../ownership/commit-stream-log.ts'
import type { SessionOptions } from '../postgres/session.ts'
import { SqlSession } from '../postgres/sql-session.ts'

/** What a command that looks or sets up holds of a subscription's two systems. Nothing is contacted before it is used. */
export interface Connections {
  readonly cluster: Cluster
  readonly admin: KafkaAdmin
  readonly reader: LogReader
  readonly commitStream: CommitStreamLog
  readonly session: SessionOptions
  readonly sql: SqlSession
  close(): Promise<void>
}

/** A person waits: a system that stays away is told sooner than an agent would give up. */
const unreachableAfterMs = 15_000

export function openConnections(configuration: Configuration): Connections {
  const cluster = new Cluster(configuration.kafka, { unreachableAfterMs })
  const reader = PartitionFetcher.of(cluster)
  const session = { url: configuration.postgres.url, applicationName: `tidemark ${configuration.subscription} command` }
  const sql = new SqlSession(session)
  return {
    cluster,
    admin: new KafkaAdmin(cluster),
    reader,
    commitStream: new CommitStreamLog(configuration.commitStream, reader),
    session,
    sql,
    close: async () => {
      await reader.close()
      await Promise.all([sql.close(), cluster.close()])
    }
  }
}
