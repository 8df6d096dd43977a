import { SaxesParser } from 'saxes'
import type { RepeatedElements } from './repeated-elements.ts'
import { XmlElement } from './xml-element.ts'

/** Elements within each other: as deep as JSON may be, with room for what one element becomes. */
export const xmlDepthMax = 64
/** Time and memory that a document takes grow with it. */
export const xmlBytesMax = 8_388_608
const attributesMax = 1_000

/** What is wrong with a document; the text shows nothing of it. */
export class XmlFault extends Error {}

/**
 * An XML document (XML 1.0 with namespaces) as JSON text, by the convention of docs/mq.md. saxes accepts what is
 * well-formed and nothing else; it reads nothing from outside and knows no entities but the five of XML. A document type
 * declaration is refused: what it may change of the content (entities, defaults of attributes) would be lost.
 * `repeated`: elements that are arrays however often they come. Throws XmlFault.
 */
export function xmlToJson(text: string, repeated: RepeatedElements): string {
  const parser = new SaxesParser({ xmlns: true })
  const open: XmlElement[] = []
  let attributes = 0
  let json = ''
  parser.on('error', error => {
    throw new XmlFault(placeOf(error.message))
  })
  parser.on('doctype', () => {
    throw new XmlFault('it has a document type declaration')
  })
  parser.on('opentagstart', ({ name }) => {
    if (open.length === xmlDepthMax) throw new XmlFault(`elements are nested deeper than ${xmlDepthMax}`)
    const around = open.length === 0 ? repeated : open.at(-1)!.declared
    open.push(new XmlElement(name, around?.inside(name)))
    attributes = 0
  })
  parser.on('attribute', ({ name, value }) => {
    if (++attributes > attributesMax) throw new XmlFault(`an element has more than ${attributesMax} attributes`)
    open.at(-1)!.attribute(name, value)
  })
  parser.on('text', run => open.at(-1)?.text(run))
  parser.on('cdata', run => open.at(-1)!.text(run))
  parser.on('closetag', () => {
    const element = open.pop()!
    const parent = open.at(-1)
    if (parent === undefined) json = element.asMember()
    else parent.child(element)
  })
  parser.write(text).close()
  return `{${json}}`
}

/** Messages of saxes name elements and entities of the document: of `3:17: unclosed tag: x` the place and the rule stay. */
function placeOf(message: string): string {
  const [, line, column, rule = ''] = /^(\d+):(\d+): ([^:"&<]*)/.exec(message) ?? []
  return line === undefined ? 'it is not well-formed' : `line ${line}, column ${column}: ${rule.replace(/[\s.]+$/, '')}`
}
