import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { jsonMembers } from './json-members.ts'

test('members of any JSON object come out as their own JSON', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.constantFrom(0, 1, '\t'), (object, space) => {
      // JSON.stringify alone decides what is written: it turns -0 into 0.
      const text = JSON.stringify(object, null, space)
      const members = jsonMembers(` \n${text}\t`)!
      const read = Object.fromEntries([...members].map(([name, value]) => [name, JSON.parse(value) as unknown]))
      assert.deepEqual(read, { ...(JSON.parse(text) as object) })
    })
  )
})

test('numbers keep all their digits', () => {
  assert.equal(
    jsonMembers('{"a":12345678901234567890.1234567890e-7 ,"b":[1.0]}')!.get('a'),
    '12345678901234567890.1234567890e-7'
  )
})

test('what is not a JSON object has no members', () => {
  for (const text of ['', 'null', '1', '[]', '"{}"', '{"a":}', '{"a":1}}', '{a:1}'])
    assert.equal(jsonMembers(text), null)
  assert.deepEqual(jsonMembers('{ }'), new Map())
})
