import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { isTidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { NULL_LENGTH, Tuple } from '@tidemark/schemas/tuple.ts'
import { decodeCopyRow } from './copy-text.ts'

const letters: Readonly<Record<string, string>> = {
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\'
}

/** As CopyAttributeOutText does it. */
function encode(values: readonly (string | null)[]): string {
  const fields = values.map(value => value?.replace(/[\b\f\n\r\t\v\\]/g, letter => letters[letter]!) ?? '\\N')
  return `${fields.join('\t')}\n`
}

function decode(row: string, columns: number): (string | null)[] {
  const bytes = Buffer.from(`\\x\t${row}\t\\N`)
  const tuple = new Tuple(1)
  decodeCopyRow(bytes, 3, bytes.length - 3, columns, tuple)
  return Array.from({ length: tuple.count }, (_, index) => {
    const [start, length] = [tuple.starts[index]!, tuple.lengths[index]!]
    return length === NULL_LENGTH ? null : tuple.bytes.toString('utf8', start, start + length)
  })
}

const value = fc.option(
  fc.oneof(
    fc.string({ unit: fc.constantFrom('\t', '\n', '\\', 'N', 'a', '\r', '\b', '\f', '\v', 'é', '€') }),
    fc.string({ unit: 'grapheme' }).filter(text => text.isWellFormed())
  )
)

test('every row comes back as it was written', () => {
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 20 }), values => {
      assert.deepEqual(decode(encode(values), values.length), values)
    }),
    { numRuns: 1000 }
  )
})

test('null, the empty text and the text \\N are three things', () => {
  assert.deepEqual(decode('\\N\t\t\\\\N\n', 3), [null, '', '\\N'])
})

const wrong: [string, string, number][] = [
  ['without its newline', 'a\tb', 2],
  ['empty', '', 1],
  ['with too few columns', 'a\n', 2],
  ['with too many columns', 'a\tb\n', 1],
  ['with a newline within', 'a\nb\n', 1],
  ['that ends in a backslash', 'a\\\n', 1]
]
for (const [name, row, columns] of wrong) {
  test(`a row ${name} is refused`, () => {
    assert.throws(
      () => decode(row, columns),
      error => isTidemarkError(error, 'PROTOCOL_INVALID')
    )
  })
}
