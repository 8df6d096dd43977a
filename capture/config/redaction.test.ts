import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfiguration } from './configuration-file.ts'
import { redacted, secretsOf, withoutPassword, withoutSecrets } from './redaction.ts'

const read = parseConfiguration(
  `subscription: bank
postgres: {url: "postgres://tidemark:p%40ss-word@db/bank"}
kafka:
  brokers: [a:1]
  tls: {cert: PUBLIC, key: PRIVATE-KEY, passphrase: hush-hush}
  sasl: {mechanism: plain, username: anna, password: kafka-word}
tables: {public.account: {key: [id]}}
`,
  'tidemark.yaml',
  { variable: () => undefined, file: () => '' }
)
assert.ok('configuration' in read)
const { configuration } = read

test('the redacted configuration holds no secret and all the rest', () => {
  const text = JSON.stringify(redacted(configuration))
  assert.doesNotMatch(text, /p%40ss|p@ss|PRIVATE|hush|kafka-word/)
  assert.match(text, /postgres:\/\/tidemark:\*\*\*@db\/bank/)
  assert.match(text, /"cert":"PUBLIC"/)
  // The key of a table is a list of columns, and no secret.
  assert.match(text, /"key":\["id"\]/)
})

test('secrets are struck out of texts in each form a library may repeat them', () => {
  const text = 'cannot log in with p@ss-word (p%40ss-word), kafka-word, hush-hush'
  assert.equal(withoutSecrets(text, secretsOf(configuration)), 'cannot log in with *** (***), ***, ***')
})

test('a password in the query of a URL is hidden too', () => {
  assert.equal(
    withoutPassword('postgres://u@h/d?password=abc&sslmode=require'),
    'postgres://u@h/d?password=***&sslmode=require'
  )
})

test('a password that is a word of the configuration is not struck out of everything', () => {
  const weak = {
    ...configuration,
    postgres: { ...configuration.postgres, url: 'postgres://tidemark:tidemark@db/bank' }
  }
  assert.ok(!secretsOf(weak).includes('tidemark'))
})
