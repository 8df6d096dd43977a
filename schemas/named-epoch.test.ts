import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { namedEpoch, withNamedEpoch } from './named-epoch.ts'

test('an epoch comes back, beside other extensions', () => {
  const others = new Map([['refresh', Buffer.from('running')]])
  fc.assert(
    fc.property(fc.maxSafeNat(), epoch => {
      const extensions = withNamedEpoch(epoch, others)
      assert.equal(namedEpoch(extensions), epoch)
      assert.equal(extensions.get('refresh'), others.get('refresh'))
    })
  )
})

test('what says no epoch is not known', () => {
  assert.equal(namedEpoch(withNamedEpoch(null, new Map())), null)
  for (const text of ['', '-1', '1.5', '9007199254740992', '12345678901234567', 'x']) {
    assert.equal(namedEpoch(new Map([['named', Buffer.from(text)]])), null, text)
  }
})
