import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import pg from 'pg'
import { makeScratchDirectory } from '../../services/scratch.ts'
import { useKafka } from '../support/kafka.ts'
import { usePostgres } from '../support/postgres.ts'
import type { BankSubscription } from './bank-subscription.ts'

/** A database of its own, a connection to it, and a directory with the configuration of a subscription. */
export interface SubscribedDatabase extends BankSubscription {
  directory: string
  client: pg.Client
  sql(text: string): Promise<void>
  /** Writes the configuration: the servers, and the options given. */
  configure(options: string): void
}

/** `word`: what the subscription's name begins with. Nothing is configured yet. */
export async function useSubscribedDatabase(
  t: TestContext,
  word: string,
  partitions: number
): Promise<SubscribedDatabase> {
  const { url } = await (await usePostgres(t)).createDatabase()
  const { brokers, topicName } = await useKafka(t)
  const name = topicName(word).replaceAll(/\W/g, '_').toLowerCase()
  const directory = makeScratchDirectory(word)
  const config = join(directory, 'tidemark.yaml')
  const client = new pg.Client(url)
  await client.connect()
  t.after(() => client.end())
  return {
    url,
    brokers,
    name,
    directory,
    config,
    client,
    sql: async text => void (await client.query(text)),
    configure: options =>
      writeFileSync(
        config,
        `subscription: ${name}
postgres: {url: '${url}', publication: ${name}, slot: ${name}}
kafka: {brokers: [${brokers.join(', ')}]}
topics: {partitions: ${partitions}, replication: 1}
${options}
`
      )
  }
}
