import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assert as check, constantFrom, integer, maxSafeInteger, nat, oneof, property, record } from 'fast-check'
import { compareBookmarks, formatBookmark, parseBookmark } from './bookmark.ts'
import { isTidemarkError } from './tidemark-error.ts'

const anyNumber = oneof(integer({ min: 0, max: 300 }), maxSafeInteger().map(Math.abs))
const anyBookmark = record(
  {
    stream: integer({ min: 0, max: 0xffff_ffff }),
    epoch: anyNumber,
    sequence: anyNumber,
    record: anyNumber,
    offset: anyNumber
  },
  { noNullPrototype: true }
)
const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'.split('')

function refused(text: string): void {
  assert.throws(
    () => parseBookmark(text),
    error => isTidemarkError(error, 'BOOKMARK_INVALID'),
    text
  )
}

test('any bookmark comes back as it was, from ASCII that fits the metadata of a group offset', () => {
  check(
    property(anyBookmark, bookmark => {
      const text = formatBookmark(bookmark)
      assert.deepEqual(parseBookmark(text), bookmark)
      assert.match(text, /^[\x21-\x7e]{1,58}$/)
    })
  )
})

test('one wrong character is noticed', () => {
  check(
    property(anyBookmark, nat(), constantFrom(...letters), (bookmark, at, letter) => {
      const text = formatBookmark(bookmark)
      const place = at % text.length
      const wrong = text.slice(0, place) + letter + text.slice(place + 1)
      if (wrong !== text) refused(wrong)
    }),
    { numRuns: 1000 }
  )
})

test('a missing, doubled or additional character is noticed', () => {
  check(
    property(anyBookmark, nat(), constantFrom(...letters), (bookmark, at, letter) => {
      const text = formatBookmark(bookmark)
      const place = at % (text.length + 1)
      refused(text.slice(0, place) + letter + text.slice(place))
      refused(text.slice(0, place % text.length) + text.slice((place % text.length) + 1))
    })
  )
})

test('the order is that of handing over, and opposite when asked the other way round', () => {
  const small = record({ epoch: nat(2), sequence: nat(2), record: nat(3) })
  check(
    property(small, small, (left, right) => {
      const result = compareBookmarks({ stream: 1, offset: 5, ...left }, { stream: 1, offset: 0, ...right })
      const rank = (one: typeof left): number =>
        one.epoch * 100 + one.sequence * 10 + (one.record === 0 ? 9 : one.record)
      assert.equal(Math.sign(result), Math.sign(rank(left) - rank(right)))
    })
  )
})

test('bookmarks of different streams have no order', () => {
  const place = { epoch: 1, sequence: 1, record: 0, offset: 0 }
  assert.throws(
    () => compareBookmarks({ stream: 1, ...place }, { stream: 2, ...place }),
    error => isTidemarkError(error, 'BOOKMARK_FOREIGN')
  )
})
