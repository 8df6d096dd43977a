import assert from 'node:assert/strict'
import { test } from 'node:test'
import { contentBuilder, type ContentKind } from './queue-content.ts'

function built(content: ContentKind, bytes: Buffer | string): string {
  const rule = {
    queue: 'Q',
    topic: 't',
    content,
    repeatedElements: ['a/b'],
    key: 'none',
    headers: 'all',
    processor: null,
    onFailure: 'stop'
  } as const
  return contentBuilder(rule)(Buffer.from(bytes)).toString('latin1')
}
const bytes = Buffer.from([0, 255, 0xc1])

test('bytes go on whatever they are', () => assert.equal(built('bytes', bytes), '\0\u00ff\u00c1'))

test('JSON goes on as it is written: digits, spaces and escapes; only a byte order mark is left out', () => {
  const json = '{ "n" : 1234567890123456789012.50e1, "s":"\\u0041\\ud800" }\n'
  assert.equal(built('json', json), json)
  assert.equal(built('json', `\ufeff${json}`), json)
})

test('XML becomes JSON in UTF-8, with arrays as declared', () => {
  assert.equal(built('xml', '\ufeff<a><b>é</b></a>'), Buffer.from('{"a":{"b":["é"]}}').toString('latin1'))
})

const unfit: [content: ContentKind, given: Buffer | string, why: RegExp][] = [
  ['text', bytes, /`content: text` says: it is not UTF-8/],
  ['json', bytes, /it is not UTF-8/],
  ['json', 'secret', /it is not JSON/],
  ['xml', bytes, /it is not UTF-8/],
  ['xml', '<secret>', /line 1, column \d+: unclosed tag/],
  ['xml', Buffer.alloc(8_388_609, ' '), /8388609 bytes, XML may have 8388608/]
]
for (const [content, given, why] of unfit) {
  test(`what is no ${content} fails by name: ${why.source}`, () => {
    assert.throws(() => built(content, given), { code: 'ROW_UNSUITABLE', message: why })
    assert.throws(
      () => built(content, given),
      (error: Error) => !error.message.includes('secret')
    )
  })
}
