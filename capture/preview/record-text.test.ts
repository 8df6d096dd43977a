import assert from 'node:assert/strict'
import { test } from 'node:test'
import { recordText } from './record-text.ts'
import { styleOf } from '../commands/presentation.ts'
import { Withheld, type ShownRecord } from './shown-record.ts'

function textOf(given: Partial<ShownRecord>): string {
  const made = { output: null, place: null, subjects: [], partition: null }
  return recordText({ topic: 't', key: null, value: null, headers: {}, ...made, ...given }, styleOf(false))
}

test('content that looks like a withheld value is shown as what it is, and says nothing to the terminal', () => {
  const text = textOf({ value: { withheldBytes: '\u001b[2J' }, headers: { withheldBytes: '\u001b]0;x\u0007' } })
  assert.doesNotMatch(text, /\u001b|\u0007|not shown/)
  assert.match(text, /value {4}\{"withheldBytes":/)
  assert.match(text, /header {3}withheldBytes = \\u001b/)
})

test('what is withheld shows its size alone', () => {
  assert.match(textOf({ value: new Withheld(7) }), /\(7 bytes, not shown: the topic is restricted\)/)
})
