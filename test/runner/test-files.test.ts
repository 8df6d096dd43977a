import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sortTestFiles } from './test-files.ts'

test('a test that reaches a server by way of others is an integration test', () => {
  const files = [
    { path: 'kafka/crc.test.ts', text: "import './crc.ts'\n" },
    { path: 'kafka/fetch.test.ts', text: "import { useKafka } from '../test/support/kafka.ts'\n" },
    { path: 'test/support/kafka.ts', text: "import { startKafka } from '../../services/kafka.ts'\n" },
    { path: 'services/kafka.ts', text: '' }
  ]
  assert.deepEqual(sortTestFiles(files), { unit: ['kafka/crc.test.ts'], integration: ['kafka/fetch.test.ts'] })
})
