import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { brokerAddress, connectionSettings, kafkaConnection } from './connection-options.ts'

describe('the connection to Kafka', () => {
  test('needs brokers only', () => {
    assert.deepEqual(kafkaConnection({ brokers: ['a:9092'] }), { brokers: ['a:9092'], clientId: 'tidemark' })
  })

  test('reads addresses with host names, IPv4, IPv6 and without a port', () => {
    assert.deepEqual(brokerAddress('kafka-1.example:9093'), { host: 'kafka-1.example', port: 9093 })
    assert.deepEqual(brokerAddress('10.0.0.1'), { host: '10.0.0.1', port: 9092 })
    assert.deepEqual(brokerAddress('[::1]:19092'), { host: '::1', port: 19092 })
  })

  test('names the entry that is wrong, where it stands, and what would be right', () => {
    const secret = 'hunter2'
    const cases: [input: unknown, place: string][] = [
      ['127.0.0.1:9092', 'kafka'],
      [{}, 'kafka.brokers'],
      [{ brokers: [] }, 'kafka.brokers'],
      [{ brokers: ['a:b'] }, 'kafka.brokers[0]'],
      [{ brokers: ['ok:1', 'http://127.0.0.1:1'] }, 'kafka.brokers[1]'],
      [{ brokers: ['a:70000'] }, 'kafka.brokers[0]'],
      [{ brokers: ['a:1'], ssl: true }, 'kafka.ssl'],
      [{ brokers: ['a:1'], clientId: '' }, 'kafka.clientId'],
      [{ brokers: ['a:1'], tls: true }, 'kafka.tls'],
      [{ brokers: ['a:1'], tls: { cert: 'x' } }, 'kafka.tls'],
      [{ brokers: ['a:1'], tls: { rejectUnauthorized: 'no' } }, 'kafka.tls.rejectUnauthorized'],
      [{ brokers: ['a:1'], sasl: { mechanism: 'gssapi' } }, 'kafka.sasl.mechanism'],
      [{ brokers: ['a:1'], sasl: { mechanism: 'plain', username: 'u' } }, 'kafka.sasl.password'],
      [{ brokers: ['a:1'], sasl: { mechanism: 'plain', password: secret } }, 'kafka.sasl.username'],
      [{ brokers: ['a:1'], sasl: { mechanism: 'oauthbearer' } }, 'kafka.sasl.token'],
      [{ brokers: ['a:1'], timeouts: { requestMs: 1.5 } }, 'kafka.timeouts.requestMs']
    ]
    for (const [input, place] of cases) {
      const named = (error: TidemarkError) =>
        error.code === 'CONFIG_INVALID' &&
        error.place === place &&
        error.cure !== '' &&
        !error.format().includes(secret)
      assert.throws(() => kafkaConnection(input), named, JSON.stringify(input))
    }
  })

  test('is handed to the connection library with TLS names and SASL mechanisms as it wants them', () => {
    const sasl = { mechanism: 'SCRAM-SHA-512', username: 'u', password: 'p' }
    const connection = kafkaConnection({
      brokers: ['a:1'],
      tls: { ca: ['x', 'y'], serverName: 'broker' },
      sasl,
      timeouts: { connectMs: 200 }
    })
    assert.deepEqual(connectionSettings(connection), {
      connectTimeout: 200,
      requestTimeout: 30_000,
      tls: { ca: ['x', 'y'] },
      tlsServerName: 'broker',
      sasl
    })
  })
})
