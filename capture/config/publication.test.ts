import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { schemaText } from './publication.ts'
import { documentFile, schemaFile, withOptions } from './publish.ts'

const cure = 'run `node capture/config/publish.ts`'

test('the published JSON Schema is the one the program checks with', () => {
  assert.equal(readFileSync(schemaFile, 'utf8'), schemaText(), cure)
})

test('docs/configuration.md has every option of the schema', () => {
  const document = readFileSync(documentFile, 'utf8')
  assert.equal(document, withOptions(document), cure)
})

test('the published JSON Schema is plain JSON Schema that another validator compiles', async () => {
  const { Ajv } = await import('ajv')
  const schema = JSON.parse(schemaText()) as object
  const validate = new Ajv({ strict: false }).compile(schema)
  assert.equal(validate({ subscription: 'bank', kafka: { brokers: ['a:1'] } }), true)
  assert.equal(validate({ subscription: 'bank', kafka: { brokers: [] } }), false)
})
