import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  ARRAY_CLOSE,
  ARRAY_END,
  ARRAY_MALFORMED,
  ARRAY_NULL,
  ARRAY_OPEN,
  ARRAY_VALUE,
  ArrayText
} from './array-text.ts'

/** Braces, elements and nulls of a literal as a list; null when it is malformed. */
function partsOf(literal: string, delimiter = ','): (string | null)[] | null {
  const text = new ArrayText(delimiter.charCodeAt(0))
  const bytes = Buffer.from(`9${literal}9`)
  text.open(bytes, 1, bytes.length - 1)
  const parts: (string | null)[] = []
  for (;;) {
    const found = text.next()
    if (found === ARRAY_END) return parts
    if (found === ARRAY_MALFORMED) return null
    if (found === ARRAY_OPEN) parts.push('{')
    else if (found === ARRAY_CLOSE) parts.push('}')
    else if (found === ARRAY_NULL) parts.push(null)
    else if (found === ARRAY_VALUE) parts.push(`=${text.bytes.toString('utf8', text.from, text.to)}`)
  }
}

test('elements come one by one, with their escapes taken out', () => {
  assert.deepEqual(partsOf('{}'), ['{', '}'])
  assert.deepEqual(partsOf('{1,NULL,"NULL","",a b}'), ['{', '=1', null, '=NULL', '=', '=a b', '}'])
  assert.deepEqual(partsOf('{{1,2},{3,4}}'), ['{', '{', '=1', '=2', '}', '{', '=3', '=4', '}', '}'])
  assert.deepEqual(partsOf('{"a\\"b\\\\c","{x,y}"}'), ['{', '=a"b\\c', '={x,y}', '}'])
  assert.deepEqual(partsOf('{(1,1),(0,0);(2,2),(1,1)}', ';'), ['{', '=(1,1),(0,0)', '=(2,2),(1,1)', '}'])
  assert.deepEqual(partsOf('[0:1]={1,2}'), ['{', '=1', '=2', '}'])
})

test('any texts come back', () => {
  const quoted = (text: string) => `"${text.replaceAll(/["\\]/g, '\\$&')}"`
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: fc.oneof(fc.constantFrom('"', '\\', ',', '{', '}'), fc.string()) })),
      texts => {
        assert.deepEqual(partsOf(`{${texts.map(quoted).join(',')}}`), ['{', ...texts.map(text => `=${text}`), '}'])
      }
    )
  )
})

test('what is no array literal is told', () => {
  for (const text of ['', '{', '{"a', '{"a\\', 'a', '{1}}', '{{1}', '[0:1]']) {
    const parts = partsOf(text)
    assert.ok(parts === null || text === '' || text === '[0:1]', text)
  }
})
