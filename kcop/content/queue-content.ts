import { isUtf8 } from 'node:buffer'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { QueueRule } from '../queue-rules.ts'
import { isJson } from './json-path.ts'
import { RepeatedElements } from './repeated-elements.ts'
import { xmlBytesMax, XmlFault, xmlToJson } from './xml-json.ts'

/** What a message's content is taken for: `bytes` as they are, text in UTF-8, JSON, or XML, which is made JSON. */
export type ContentKind = 'bytes' | 'text' | 'json' | 'xml'

/** Makes the record's value of a message's content. Throws ROW_UNSUITABLE, whose text shows nothing of the content. */
export type ContentBuilder = (content: Buffer) => Buffer

const byteOrderMark = Buffer.from('\u{feff}')

/** The builder for a queue's `content`. */
export function contentBuilder({ queue, content, repeatedElements }: QueueRule): ContentBuilder {
  if (content === 'bytes') return bytes => bytes
  const unfit = (why: string) => contentFault(queue, content, why)
  if (content === 'text') {
    return bytes => {
      if (isUtf8(bytes)) return bytes
      throw unfit('it is not UTF-8')
    }
  }
  if (content === 'json') {
    return bytes => {
      const json = withoutMark(bytes)
      if (isJson(json)) return json
      throw unfit(isUtf8(json) ? 'it is not JSON, or nested too deep' : 'it is not UTF-8')
    }
  }
  const repeated = new RepeatedElements(repeatedElements)
  return bytes => fromXml(withoutMark(bytes), repeated, unfit)
}

/** RFC 8259, section 8.1: a byte order mark is no part of the JSON, and may be passed over. */
export function withoutMark(bytes: Buffer): Buffer {
  const { length } = byteOrderMark
  return bytes.length >= length && bytes.compare(byteOrderMark, 0, length, 0, length) === 0
    ? bytes.subarray(length)
    : bytes
}

function fromXml(bytes: Buffer, repeated: RepeatedElements, unfit: (why: string) => TidemarkError): Buffer {
  if (bytes.length > xmlBytesMax) throw unfit(`it has ${bytes.length} bytes, XML may have ${xmlBytesMax}`)
  if (!isUtf8(bytes)) throw unfit('it is not UTF-8')
  try {
    return Buffer.from(xmlToJson(bytes.toString('utf8'), repeated))
  } catch (error) {
    throw error instanceof XmlFault ? unfit(error.message) : error
  }
}

function contentFault(queue: string, content: ContentKind, why: string): TidemarkError {
  return new TidemarkError('ROW_UNSUITABLE', {
    message: `a message of queue ${queue} is not what \`content: ${content}\` says: ${why}`,
    cure: 'have it put as MQSTR, which the queue manager converts to UTF-8, or take such messages as `content: bytes`; `onFailure`, or BOTHRESH and BOQNAME of the queue, sets single ones aside'
  })
}
