import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { it } from 'node:test'
import { TransactionConsumer } from '@tidemark/tcc-consumer'
import { pack } from '../../release/pack.ts'
import { makeScratchDirectory } from '../../services/scratch.ts'
import { useKafka } from '../support/kafka.ts'

/** What a consumer developer writes who has only the package. */
const program = `
import { TransactionConsumer, isTidemarkError } from '@tidemark/tcc-consumer'
const consumer = new TransactionConsumer({ brokers: [process.argv[2]], commitStream: 'no.such.stream', startAfterMs: 500 })
try {
  for await (const transaction of consumer) console.log(transaction.sequence)
} catch (error) {
  console.log(isTidemarkError(error) ? error.code : error)
}
await consumer.close()
`

/** What somebody writes who tests a processor and has only the packages. */
const harnessProgram = `
import { defineProcessor } from '@tidemark/kcop'
import { configuredHarness } from '@tidemark/capture/testing'
import { defineTable, insert, ProcessorHarness, transaction } from '@tidemark/kcop/testing'
const processor = defineProcessor({ name: 'own', process: (operation, out) => out.default(operation) })
const account = defineTable('public.account', { id: 'bigint' }, { key: ['id'] })
const [record] = new ProcessorHarness({ processor }).run(transaction(insert(account, { id: 7 })))
console.log(record.topic, record.value.id, typeof configuredHarness)
`

it('installs the consumer alone, without agent and database client, and the agent with its command', async t => {
  assert.equal(typeof TransactionConsumer, 'function')
  const kafka = await useKafka(t)
  const tarballs = pack(line => t.diagnostic(line))
  const consumer = install(tarballs.filter(file => /schemas|kafka|tcc-consumer/.test(file)))
  for (const absent of ['pg', '@tidemark/capture', '@tidemark/kcop', '@tidemark/mq-sink']) {
    assert.ok(!existsSync(join(consumer, 'node_modules', absent)), `${absent} came with the consumer`)
  }
  writeFileSync(join(consumer, 'main.mjs'), program)
  const out = execFileSync(process.execPath, ['main.mjs', kafka.brokers[0]!], { cwd: consumer, encoding: 'utf8' })
  assert.equal(out.trim(), 'TOPIC_MISSING')

  const agent = install(tarballs)
  const bin = join(agent, 'node_modules', '@tidemark', 'capture', 'bin', 'tidemark.mjs')
  assert.match(execFileSync(process.execPath, [bin, '--help'], { encoding: 'utf8' }), /check .*\n/)
  assert.match(execFileSync(process.execPath, [bin, '--version'], { encoding: 'utf8' }), /^0\.1\.0$/m)
  const sink = join(agent, 'node_modules', '@tidemark', 'mq-sink', 'bin', 'tidemark-mq-sink.mjs')
  assert.match(execFileSync(process.execPath, [sink, '--help'], { encoding: 'utf8' }), /tidemark-mq-sink check/)
  writeFileSync(join(agent, 'harness.mjs'), harnessProgram)
  const records = execFileSync(process.execPath, ['harness.mjs'], { cwd: agent, encoding: 'utf8' })
  assert.equal(records, 'test.public.account 7 function\n')
})

/** Installs the tarballs into an empty folder, as a user's npm would. */
function install(tarballs: readonly string[]): string {
  const folder = makeScratchDirectory('installed')
  writeFileSync(join(folder, 'package.json'), '{"private": true}')
  const args = ['install', '--no-audit', '--no-fund', '--prefer-offline', '--ignore-scripts', ...tarballs]
  execFileSync('npm', args, { cwd: folder, stdio: 'pipe' })
  return folder
}
