import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { documentFile, schemaFile, schemaText, withOptions } from './publish.ts'

const cure = 'run `node launch.mjs mq-sink/publish.ts`'

test('the published JSON Schema of the sink is the one the program checks with', () => {
  assert.equal(readFileSync(schemaFile, 'utf8'), schemaText(), cure)
})

test('docs/mq.md has every option of the sink', () => {
  const document = readFileSync(documentFile, 'utf8')
  assert.equal(document, withOptions(document), cure)
})
