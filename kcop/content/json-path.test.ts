import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isJson, jsonPath, jsonPathText, valueAt } from './json-path.ts'
import { jsonDepthMax } from './json-scanner.ts'

const space = fc.stringMatching(/^[ \n\r\t]{0,2}$/)
/** JSON of any value, with white space wherever it may stand. */
const jsonTexts = fc
  .tuple(fc.jsonValue({ maxDepth: 4 }), space, fc.constantFrom(undefined, 1, '\t'))
  .map(([value, around, indent]) => around + JSON.stringify(value, null, indent) + around)

function parses(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

test('what JSON.parse takes is JSON, and nothing else, also when a character of it is changed', () => {
  const characters = fc.constantFrom(...'{}[]":,.-+eE0123456789 tfnu\\/x\u0001\ufeffé')
  fc.assert(
    fc.property(jsonTexts, fc.nat(), characters, fc.nat({ max: 2 }), (text, place, character, removed) => {
      const at = place % (text.length + 1)
      const changed = text.slice(0, at) + character + text.slice(at + removed)
      assert.ok(isJson(Buffer.from(text)))
      assert.equal(isJson(Buffer.from(changed)), parses(changed.toWellFormed()), JSON.stringify(changed))
    }),
    { numRuns: 2_000 }
  )
})

const odd: [text: string, is: boolean][] = [
  ['', false],
  [' ', false],
  ['-', false],
  ['01', false],
  ['1.', false],
  ['.5', false],
  ['1e', false],
  ['-0.0E+00', true],
  [`${'9'.repeat(100_000)}e999999999`, true],
  ['nul', false],
  ['nullx', false],
  ['"\\ud800"', true],
  ['"\\u12G4"', false],
  ['"\\x41"', false],
  ['"a\tb"', false],
  ['[1,]', false],
  ['{"a":1,}', false],
  ['{"a"}', false],
  ['{1:2}', false],
  ['[1}', false],
  ['1 2', false],
  ['\ufeff{}', false]
]
for (const [text, is] of odd) {
  test(`${JSON.stringify(text.slice(0, 20))} is ${is ? '' : 'not '}JSON`, () =>
    assert.equal(isJson(Buffer.from(text)), is))
}

test('bytes that are no UTF-8 are no JSON: half a surrogate pair, a long form, a cut character, EBCDIC', () => {
  for (const hex of ['22eda08022', '22c08022', '22c3', '22f09f9822', 'c07f817f7a7fd0']) {
    assert.equal(isJson(Buffer.from(hex, 'hex')), false, hex)
  }
})

test('nesting is bounded, and a megabyte of opening brackets is looked at no further', () => {
  const nested = (depth: number) => Buffer.from('['.repeat(depth) + ']'.repeat(depth))
  assert.ok(isJson(nested(jsonDepthMax)))
  assert.equal(isJson(nested(jsonDepthMax + 1)), false)
  assert.equal(isJson(Buffer.from('['.repeat(1_000_000))), false)
  assert.equal(isJson(Buffer.from('{"a":'.repeat(200_000))), false)
})

test('the value at a path is what JSON.parse has there, as it is written', () => {
  const names = fc.constantFrom('a', 'b', 'é', '__proto__', '\u2028', '@id')
  const tree = fc.letrec<{ value: unknown }>(tie => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.oneof(fc.integer(), fc.string(), fc.constant(null)),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(names, tie('value'), { maxKeys: 4 })
    )
  })).value
  const paths = fc.array(fc.oneof(names, fc.nat({ max: 3 })), { minLength: 1, maxLength: 4 })
  fc.assert(
    fc.property(tree, paths, (value, path) => {
      const parsed = JSON.parse(JSON.stringify(value)) as unknown
      let expected: unknown = parsed
      for (const step of path) {
        const has = typeof step === 'number' ? Array.isArray(expected) : isObject(expected)
        expected = has && Object.hasOwn(expected as object, step) ? (expected as never)[step] : undefined
      }
      const found = valueAt(Buffer.from(JSON.stringify(value, null, 1)), path)
      assert.deepEqual(found === null ? undefined : JSON.parse(found.toString()), expected)
    }),
    { numRuns: 1_000 }
  )
})

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

test('names may be written with escapes; of two members of one name the last counts', () => {
  assert.equal(String(valueAt(Buffer.from('{"\\u0061":1.50,"b":2}'), ['a'])), '1.50')
  assert.equal(String(valueAt(Buffer.from('{"a":{"b":1},"a":{"b":2}}'), ['a', 'b'])), '2')
})

test('a path is a dollar, names and numbers', () => {
  assert.deepEqual(jsonPath('$.a.b'), ['a', 'b'])
  assert.deepEqual(jsonPath('$[0].@id[12]'), [0, '@id', 12])
  assert.equal(jsonPathText(jsonPath('$.a[3].b')!), '$.a[3].b')
  for (const text of ['a.b', '$', '$.a[', '$.a[x]', '$.a[01]', '$..a']) assert.equal(jsonPath(text), null, text)
})
