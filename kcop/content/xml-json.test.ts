import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { isJson } from './json-path.ts'
import { RepeatedElements } from './repeated-elements.ts'
import { xmlDepthMax, XmlFault, xmlToJson } from './xml-json.ts'

const none = new RepeatedElements()

function jsonOf(xml: string, ...repeated: string[]): unknown {
  return JSON.parse(xmlToJson(xml, new RepeatedElements(repeated)))
}

test('elements become members, attributes members with @, values stay text', () => {
  assert.deepEqual(
    jsonOf(
      '<?xml version="1.0" encoding="IBM-1047"?>\n<order id="007"><customer>Ann &amp; Bo</customer> <paid/></order>'
    ),
    { order: { '@id': '007', customer: 'Ann & Bo', paid: '' } }
  )
})

test('elements that repeat are an array; those declared are one however often they come', () => {
  const twice = '<order><line n="1"/><line n="2">x</line></order>'
  assert.deepEqual(jsonOf(twice), { order: { line: [{ '@n': '1' }, { '@n': '2', '#text': 'x' }] } })
  const once = '<order><line n="1"/><note>n</note></order>'
  assert.deepEqual(jsonOf(once), { order: { line: { '@n': '1' }, note: 'n' } })
  assert.deepEqual(jsonOf(once, 'order/line', 'order/note'), { order: { line: [{ '@n': '1' }], note: ['n'] } })
})

test('the example of docs/mq.md is what comes of it', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/mq.md'), 'utf8')
  const [, xml, json] = /```xml\n(.*?)\n```\n\n```json\n(.*?)```/s.exec(page)!
  assert.deepEqual(jsonOf(xml!), JSON.parse(json!))
})

test('text among elements keeps its place', () => {
  assert.deepEqual(jsonOf('<p class="x">Dear <b>Ann</b> and <b>Bo</b>!</p>'), {
    p: { '@class': 'x', '#mixed': ['Dear ', { b: 'Ann' }, ' and ', { b: 'Bo' }, '!'] }
  })
})

test('white space counts in text and not between elements; CDATA is text', () => {
  assert.deepEqual(jsonOf('<a>\n  <b> x </b>\n  <c><![CDATA[<d>&]]>e</c>\n</a>'), { a: { b: ' x ', c: '<d>&e' } })
})

test('names keep their prefixes, and declarations of namespaces are attributes', () => {
  assert.deepEqual(jsonOf('<o:a xmlns:o="urn:o" xmlns="urn:p"><b o:c="1"/></o:a>'), {
    'o:a': { '@xmlns:o': 'urn:o', '@xmlns': 'urn:p', b: { '@o:c': '1' } }
  })
})

test('a name that means something to JavaScript is a name', () => {
  const json = xmlToJson('<__proto__ __proto__="1"><constructor>c</constructor></__proto__>', none)
  assert.equal(json, '{"__proto__":{"@__proto__":"1","constructor":"c"}}')
})

interface Tree {
  name: string
  attributes: Record<string, string>
  content: string | Tree[]
}
const names = fc.constantFrom('a', 'b', 'line-1', 'é', '_x', 'constructor')
/** What XML may hold, but a carriage return, which a parser reads as a line feed. */
const texts = fc
  .string({ unit: 'binary', maxLength: 8 })
  .map(text => text.toWellFormed().replace(/[\0-\x08\x0b-\x1f\ufffe\uffff]/g, '.'))
const trees = fc.letrec<{ tree: Tree }>(tie => ({
  tree: fc.record({
    name: names,
    attributes: fc.dictionary(names, texts, { maxKeys: 3 }),
    content: fc.oneof({ maxDepth: 4 }, texts, fc.array(tie('tree'), { maxLength: 4 }))
  })
})).tree

function escaped(text: string): string {
  return text.replace(/[&<>"\t\n]/g, character => `&#${character.charCodeAt(0)};`)
}

function xmlOf({ name, attributes, content }: Tree): string {
  const pairs = Object.entries(attributes).map(([key, value]) => ` ${key}="${escaped(value)}"`)
  return `<${name}${pairs.join('')}>${typeof content === 'string' ? escaped(content) : content.map(xmlOf).join('\n')}</${name}>`
}

/** The convention of docs/mq.md, told once more. */
function expected({ attributes, content }: Tree): unknown {
  const members = Object.entries(attributes).map(([key, value]) => [`@${key}`, value] as const)
  if (typeof content === 'string' || content.length === 0) {
    const text = typeof content === 'string' ? content : ''
    if (members.length === 0) return text
    return Object.fromEntries(text === '' ? members : [...members, ['#text', text]])
  }
  const children = Object.entries(Object.groupBy(content, ({ name }) => name)).map(
    ([name, same]) => [name, same!.length === 1 ? expected(same![0]!) : same!.map(expected)] as const
  )
  return Object.fromEntries([...members, ...children])
}

test('every document becomes what the convention says, character for character', () => {
  fc.assert(
    fc.property(trees, tree => {
      assert.deepEqual(jsonOf(xmlOf(tree)), { [tree.name]: expected(tree) })
    }),
    { numRuns: 500 }
  )
})

test('a document that was damaged is JSON or a fault, and nothing else', () => {
  const pieces = fc.constantFrom(
    '<',
    '>',
    '</a>',
    '&',
    '&#0;',
    ']]>',
    '"',
    '<!--',
    '<?x ?>',
    '<![CDATA[',
    '\0',
    '\ud800'
  )
  fc.assert(
    fc.property(trees, fc.nat(), pieces, fc.nat({ max: 3 }), (tree, place, piece, removed) => {
      const xml = xmlOf(tree)
      const at = place % (xml.length + 1)
      try {
        const json = xmlToJson(xml.slice(0, at) + piece + xml.slice(at + removed), none)
        assert.ok(isJson(Buffer.from(json)), json)
      } catch (error) {
        assert.ok(error instanceof XmlFault, String(error))
      }
    }),
    { numRuns: 1_000 }
  )
})

const laughs = `<!DOCTYPE a [<!ENTITY a "ha">${Array.from({ length: 20 }, (_, n) => `<!ENTITY b${n} "${'&a;'.repeat(10)}">`).join('')}]><a>&b19;</a>`
const hostile: [what: string, xml: string, fault: RegExp][] = [
  ['a billion laughs', laughs, /document type declaration/],
  [
    'an external entity',
    '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
    /document type declaration/
  ],
  ['an entity of nobody', '<a>&secret;</a>', /^line 1, column \d+: undefined entity$/],
  ['deep nesting', '<a>'.repeat(100_000), /deeper than 64/],
  [
    'an element of a hundred thousand attributes',
    `<a ${Array.from({ length: 1e5 }, (_, n) => `x${n}=""`).join(' ')}/>`,
    /1000 attributes/
  ],
  ['two attributes of one name', '<a x="1" x="2"/>', /duplicate attribute$/],
  ['two of one name by their namespaces', '<a xmlns:p="u" xmlns:q="u" p:x="" q:x=""/>', /duplicate attribute$/],
  ['a prefix of no namespace', '<secret:a/>', /unbound namespace prefix$/],
  ['a control character', '<a>\u0001</a>', /disallowed character$/],
  ['half a surrogate pair by its number', '<a>&#xD800;</a>', /malformed character entity$/],
  ['an element that is not closed', '<secret>', /unclosed tag$/],
  ['no element', '', /root element/],
  ['JSON', '{"a":1}', /outside of root/]
]
for (const [what, xml, fault] of hostile) {
  test(`${what} is refused, and the fault shows nothing of it`, () => {
    assert.throws(
      () => xmlToJson(xml, none),
      (error: unknown) => {
        assert.ok(error instanceof XmlFault)
        assert.match(error.message, fault)
        assert.doesNotMatch(error.message, /secret/)
        return true
      }
    )
  })
}

test('as deep as elements may be, what they become is JSON for every reader of it', () => {
  const inner = `${'<a>x<b/>'.repeat(xmlDepthMax - 1)}<a/>`
  const xml = `${inner}${'</a>'.repeat(xmlDepthMax - 1)}`
  const path = Array.from({ length: xmlDepthMax }, () => 'a')
  const everywhere = new RepeatedElements(path.map((_, index) => path.slice(0, index + 1).join('/')))
  assert.ok(isJson(Buffer.from(xmlToJson(xml, everywhere))))
  assert.throws(() => xmlToJson(`<a>${xml}</a>`, everywhere), XmlFault)
})

test('declared paths say nothing of elements of the same name elsewhere, or above them', () => {
  const xml = '<a><b><c>1</c></b><d><c>2</c></d></a>'
  assert.deepEqual(jsonOf(xml, 'a/b/c', 'b/c', 'a/d/c/e'), { a: { b: { c: ['1'] }, d: { c: '2' } } })
})
