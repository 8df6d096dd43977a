import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { atItsPlace } from './configured-places.ts'
import { verbError } from './reason-codes.ts'

const places = { queueManager: 'QM1', connection: 'o.yaml:3:3', queues: new Map([['PAY.IN', 'o.yaml:9:5']]) }

function placeOf(error: unknown): string | undefined {
  return (atItsPlace(error, places) as TidemarkError).place
}

test('errors of a queue point at its entry, those of the queue manager at the connection', () => {
  assert.equal(placeOf(verbError('MQOPEN', 'queue PAY.IN', 2085)), 'o.yaml:9:5')
  assert.equal(placeOf(verbError('MQCONNX', 'QM1', 2540)), 'o.yaml:3:3')
  assert.equal(placeOf(new TidemarkError('MQ_CLIENT_MISSING', { message: 'not there' })), 'o.yaml:3:3')
})

test('what else an error names stays, and so does all the rest of it', () => {
  assert.equal(placeOf(verbError('MQPUT', 'queue PAY.BACKOUT', 2053)), 'queue PAY.BACKOUT')
  assert.equal(placeOf(new TidemarkError('MQ_UNREACHABLE', { message: 'the process ended' })), undefined)
  const { code, message, cure } = atItsPlace(verbError('MQPUT', 'queue PAY.IN', 2053), places) as TidemarkError
  assert.equal(code, 'MQ_CALL_FAILED')
  assert.match(message, /queue PAY\.IN failed with reason 2053/)
  assert.match(cure, /full/)
  const other = new Error('none of ours')
  assert.equal(atItsPlace(other, places), other)
})
