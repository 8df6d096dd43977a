import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { makeScratchDirectory } from '../../services/scratch.ts'
import { startProgram, type Child, type ChildEnd } from '../support/child.ts'
import { useKafka } from '../support/kafka.ts'
import { usePostgres } from '../support/postgres.ts'
import { openBank } from './bank-writers.ts'

const program = join(import.meta.dirname, '../../capture/main.ts')

/** A bank's database with a configuration file for it; nothing is applied yet. */
export interface BankSubscription {
  url: string
  brokers: string[]
  name: string
  config: string
}

export async function useBank(t: TestContext, accounts: number, compression = 'none'): Promise<BankSubscription> {
  const postgres = await usePostgres(t)
  const { url } = await postgres.createDatabase()
  const kafka = await useKafka(t)
  const name = kafka
    .topicName('bank')
    .replaceAll(/[^a-zA-Z0-9]/g, '_')
    .toLowerCase()
  await openBank(url, accounts)
  const config = join(makeScratchDirectory('bank'), 'tidemark.yaml')
  writeFileSync(
    config,
    `subscription: ${name}
postgres: {url: '${url}', publication: ${name}, slot: ${name}}
kafka: {brokers: [${kafka.brokers.join(', ')}], compression: ${compression}}
topics: {partitions: 3, replication: 1, prefix: ${name}}
tables: {public.account: {}, public.transfer: {}, public.written: {}}
`
  )
  return { url, brokers: kafka.brokers, name, config }
}

/** One `tidemark` command to its end. */
export async function tidemark(t: TestContext, ...args: string[]): Promise<ChildEnd & { output: string }> {
  const command = startProgram(t, program, { args })
  const end = await command.ended
  return { ...end, output: command.output }
}

export async function applyBank(t: TestContext, { config }: BankSubscription): Promise<void> {
  const { code, output } = await tidemark(t, 'apply', '--yes', '-c', config)
  assert.equal(code, 0, output)
}

/** An agent that owns the subscription. */
export async function runBank(t: TestContext, { config }: BankSubscription, nodeArgs: string[] = []): Promise<Child> {
  const agent = startAgent(t, config, nodeArgs)
  await agent.line(/agent\.owner/)
  return agent
}

export function startAgent(t: TestContext, config: string, nodeArgs: string[] = []): Child {
  return startProgram(t, program, { args: ['run', '-c', config, '--log-format', 'json'], nodeArgs })
}
