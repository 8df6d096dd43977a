import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { openLog, type Log, type LogFormat } from './log.ts'

function logTo(lines: string[], format: LogFormat): Log {
  return openLog({
    format,
    level: 'info',
    subscription: 'bank',
    secrets: ['hush-hush'],
    color: false,
    write: line => lines.push(line)
  })
}

function failing(): TidemarkError {
  const cause = new Error('password hush-hush was refused', { cause: new Error('28P01') })
  return new TidemarkError('POSTGRES_AUTHENTICATION', {
    message: 'user tidemark may not log in',
    place: 'db:5432',
    cause
  })
}

test('an error is one JSON line whose event is its code', () => {
  const lines: string[] = []
  logTo(lines, 'json').failure(failing(), { retryInMs: 200 })
  const { time, ...entry } = JSON.parse(lines[0]!) as Record<string, unknown>
  assert.match(String(time), /^\d{4}-.*Z$/)
  assert.deepEqual(entry, {
    level: 'error',
    subscription: 'bank',
    retryInMs: 200,
    event: 'POSTGRES_AUTHENTICATION',
    place: 'db:5432',
    cure: 'check user, password and pg_hba.conf',
    causes: ['password *** was refused', '28P01'],
    message: 'user tidemark may not log in'
  })
})

test('what is no TidemarkError has the event INTERNAL', () => {
  const lines: string[] = []
  logTo(lines, 'json').failure(new TypeError('x is undefined'))
  assert.match(lines[0]!, /"event":"INTERNAL".*"message":"x is undefined"/)
})

test('on a console an entry is a readable line, place and cure below it', () => {
  const lines: string[] = []
  const log = logTo(lines, 'console')
  log.info('agent.owner', 'owns the subscription', { epoch: 7 })
  log.failure(failing())
  assert.match(lines[0]!, /^\d\d:\d\d:\d\d\.\d{3} info {2}agent\.owner owns the subscription \(epoch=7\)\n$/)
  assert.match(
    lines[1]!,
    /POSTGRES_AUTHENTICATION user tidemark may not log in\n +at: +db:5432\n +cause: password \*\*\* was/
  )
})

test('levels below the chosen one are left out', () => {
  const lines: string[] = []
  logTo(lines, 'json').debug('agent.flush', 'flushed')
  assert.deepEqual(lines, [])
})

test('a field named like a secret is hidden at any of three depths', () => {
  const lines: string[] = []
  logTo(lines, 'json').info('a.b', 'c', {
    password: 'one',
    kafka: { sasl: { password: 'two' } },
    postgres: { url: 'three' }
  })
  assert.doesNotMatch(lines[0]!, /one|two|three/)
})
