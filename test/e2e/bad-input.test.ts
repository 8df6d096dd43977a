import assert from 'node:assert/strict'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import pg from 'pg'
import { captureTerminal } from '../../capture/commands/testing/capture-terminal.ts'
import { runProgram } from '../../capture/commands/program.ts'
import type { Finding } from '../../capture/finding.ts'
import { makeScratchDirectory } from '../../services/scratch.ts'
import { useKafka } from '../support/kafka.ts'
import { usePostgres } from '../support/postgres.ts'
import {
  invalidTexts,
  keyFiles,
  several,
  tablesAndKeys,
  unknownColumns,
  unknownFormats,
  unknownKeys,
  type BadInput
} from './bad-input-cases.ts'

async function useFiles(t: TestContext) {
  const { url } = await (await usePostgres(t)).createDatabase()
  const kafka = await useKafka(t)
  const client = new pg.Client(url)
  await client.connect()
  t.after(() => client.end())
  await client.query(`
    CREATE TABLE customer (id int PRIMARY KEY, name text, ssn text, status text, amount numeric(12,2), born date);
    ALTER TABLE customer REPLICA IDENTITY FULL;
    CREATE TABLE transfer (id int PRIMARY KEY, amount numeric(12,2));
    CREATE TABLE event (id uuid PRIMARY KEY, aggregatetype text, aggregateid text, type text, payload jsonb);`)
  const directory = makeScratchDirectory('bad-input')
  const write = (name: string, text: string) => writeFileSync(join(directory, name), text)
  const rsa = (modulusLength: number) =>
    generateKeyPairSync('rsa', {
      modulusLength,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' }
    })
  const pair = rsa(2048)
  write('pii.pub.pem', pair.publicKey)
  write('private.pem', pair.privateKey)
  write('small.pub.pem', rsa(1024).publicKey)
  write(
    'ec.pub.pem',
    generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ type: 'spki', format: 'pem' }).toString()
  )
  write('garbage.pem', 'no key: at all')
  write('pii.key', randomBytes(32).toString('base64'))
  write('short.key', randomBytes(16).toString('base64'))
  write('countries.csv', 'code,name\nDE,Germany\n')
  mkdirSync(join(directory, 'directory'))
  const name = `bad_${randomBytes(5).toString('hex')}`
  const file = join(directory, 'tidemark.yaml')
  const head = `subscription: ${name}\npostgres: {url: '${url}'}\nkafka: {brokers: [${kafka.brokers.join(', ')}]}\ntopics: {partitions: 2, replication: 1}\n`
  return {
    file,
    check: async ({ yaml }: BadInput) => {
      writeFileSync(file, head + yaml.replaceAll('§', ''))
      const terminal = captureTerminal(undefined)
      const code = await runProgram(['check', '--json', '-c', file], { terminal, environment: {} })
      const { findings } = JSON.parse(terminal.written.out) as { findings: Finding[] }
      return { code, errors: findings.filter(f => f.severity === 'error'), err: terminal.written.err }
    },
    places: ({ yaml }: BadInput) => {
      const lines = (head + yaml).split('\n')
      return lines.flatMap((line, l) => [...line.matchAll(/§/g)].map((m, i) => `${l + 1}:${m.index + 1 - i}`))
    }
  }
}

test('bad', async t => {
  const it = await useFiles(t)
  for (const group of [unknownColumns, unknownFormats, unknownKeys, keyFiles, invalidTexts, tablesAndKeys, [several]])
    for (const bad of group) {
      const { errors, err } = await it.check(bad)
      const want = it.places(bad)
      const seen = errors.map(f => f.place.replace(/^.*tidemark.yaml:/, ''))
      const good =
        errors.length === bad.codes.length &&
        errors.every((f, i) => f.code === bad.codes[i] && seen[i] === want[i] && bad.cures[i]!.test(f.remedy))
      console.log(`${good ? 'ok ' : 'BAD'} ${bad.what} want ${want.join(' ')} ${err}`)
      if (!good)
        for (const f of errors)
          console.log(`      ${f.code} ${f.place.replace(/^.*tidemark.yaml:/, '')} | ${f.what} | ${f.remedy}`)
    }
  assert.ok(true)
})
