import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fieldOpener, openJson, ReaderKeys, SubjectKeys, TransactionConsumer } from '@tidemark/tcc-consumer'
import { applyBank, runBank, tidemark } from './bank-subscription.ts'
import { useSubscribedDatabase } from './subscribed-database.ts'

const { publicKey, privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' }
})

test('what was encrypted by subject is read until the subject is shredded, and the others after that as before', async t => {
  const clinic = await useSubscribedDatabase(t, 'clinic', 3)
  const { brokers, name, directory, config, client } = clinic
  writeFileSync(join(directory, 'pii.pub.pem'), publicKey)
  clinic.configure(`tables:
  public.visit: {columns: {note: {encrypt: {key: pii, subject: person}}}}
  public.mark: {}
encryption: {keys: {pii: {publicKey: pii.pub.pem}}}`)
  await client.query('CREATE TABLE visit (id int PRIMARY KEY, person int NOT NULL, note text)')
  await client.query('CREATE TABLE mark (id int PRIMARY KEY)')
  await client.query("INSERT INTO visit VALUES (1, 7, 'flu')")
  await applyBank(t, clinic)
  await runBank(t, clinic)
  await client.query("INSERT INTO visit VALUES (2, 8, 'cold'), (3, 7, 'well')")
  await client.query('INSERT INTO mark VALUES (1)')

  const subjectKeys = await SubjectKeys.open({ brokers, topic: `${name}.subject-keys` })
  t.after(() => subjectKeys.close())
  const keys = new ReaderKeys({ privateKeys: [privateKey], subjectKeys })
  const read = async () => {
    const consumer = new TransactionConsumer({ brokers, commitStream: `${name}.commits` })
    const notes: [unknown, unknown][] = []
    const topics = new Set<string>()
    for await (const { records } of consumer) {
      await subjectKeys.current()
      for (const record of records) topics.add(record.topic)
      for (const record of records.filter(({ topic }) => topic.endsWith('.visit'))) {
        const opener = fieldOpener(record.topic, Object.fromEntries(record.headers), keys)
        const { value, sealed } = openJson(record.value, opener)
        notes.push([(value as { id: number }).id, sealed['note'] ?? (value as { note: string }).note])
      }
      if (records.some(({ topic }) => topic.endsWith('.mark'))) break
    }
    await consumer.close()
    assert.ok(![...topics].some(topic => topic.endsWith('.subject-keys')))
    return notes.sort((a, b) => Number(a[0]) - Number(b[0]))
  }
  assert.deepEqual(await read(), [
    [1, 'flu'],
    [2, 'cold'],
    [3, 'well']
  ])

  const shred = (...args: string[]) => tidemark(t, 'shred', '-c', config, '--key', 'pii', ...args)
  const asked = await shred('--subject', '7')
  assert.deepEqual([asked.code, /never be read again/.test(asked.output)], [2, true], asked.output)
  const done = await shred('--subject', '7', '--yes', '--json')
  assert.equal(done.code, 0, done.output)
  // One of the first copy, one of the agent that followed.
  assert.equal((JSON.parse(done.output) as { destroyed: number }).destroyed, 2)
  assert.deepEqual(await read(), [
    [1, 'shredded'],
    [2, 'cold'],
    [3, 'shredded']
  ])
  const findings = await tidemark(t, 'check', '-c', config, '--json')
  assert.equal(findings.code, 0, findings.output)
})
