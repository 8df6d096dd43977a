import { idText, type MessageDescriptor } from './message.ts'
import { parseRfh2, rfh2Format } from './rfh2.ts'

/** As MessageContent has it: 64-bit integers are strings, since a double would round them. */
export type MessageProperty = string | number | boolean | Uint8Array

/** What an operation says of a message: its content, and its descriptor and properties by name. */
export interface DescribedMessage {
  content: Buffer
  properties: ReadonlyMap<string, MessageProperty>
}

const bigEndianIntegers = 1
const integerMask = 0xf
const fieldPrefix = 'mq.'

/**
 * Fields of the descriptor are properties `mq.<Field>` as IBM's reference names them, identifiers as 48 hexadecimal
 * digits; the message's own properties have their own names. CodedCharSetId, Encoding and Format are those of the content.
 */
export function describe(descriptor: MessageDescriptor, body: Buffer): DescribedMessage {
  const properties = new Map<string, MessageProperty>()
  let { ccsid, encoding, format } = descriptor
  let content = body
  while (format === rfh2Format) {
    const header = parseRfh2(content, (encoding & integerMask) === bigEndianIntegers)
    if (header === null) break
    for (const [name, value] of header.properties) properties.set(ownName(name), value)
    content = content.subarray(header.length)
    encoding = header.encoding
    format = header.format
    // MQCCSI_INHERIT: as what stands before.
    if (header.ccsid !== -2) ccsid = header.ccsid
  }
  addFields(descriptor, { ccsid, encoding, format }, properties)
  return { content, properties }
}

/** Whoever puts a message chooses names: none is taken for a field of its descriptor. */
function ownName(name: string): string {
  return name.startsWith(fieldPrefix) ? `property.${name}` : name
}

function addFields(
  descriptor: MessageDescriptor,
  { ccsid, encoding, format }: Pick<MessageDescriptor, 'ccsid' | 'encoding' | 'format'>,
  into: Map<string, MessageProperty>
): void {
  into.set('mq.MsgId', idText(descriptor.msgId))
  addId('mq.CorrelId', descriptor.correlId, into)
  addId('mq.GroupId', descriptor.groupId, into)
  if (into.has('mq.GroupId')) into.set('mq.MsgSeqNumber', descriptor.sequence)
  into.set('mq.Format', format)
  into.set('mq.CodedCharSetId', ccsid)
  into.set('mq.Encoding', encoding)
  into.set('mq.Persistence', descriptor.persistence)
  into.set('mq.Priority', descriptor.priority)
  into.set('mq.Expiry', descriptor.expiry)
  into.set('mq.MsgType', descriptor.msgType)
  if (descriptor.feedback !== 0) into.set('mq.Feedback', descriptor.feedback)
  if (descriptor.report !== 0) into.set('mq.Report', descriptor.report)
  into.set('mq.PutDate', descriptor.putDate)
  into.set('mq.PutTime', descriptor.putTime)
  addText('mq.ReplyToQ', descriptor.replyToQueue, into)
  addText('mq.ReplyToQMgr', descriptor.replyToQueueManager, into)
  addText('mq.UserIdentifier', descriptor.userIdentifier, into)
  addText('mq.PutApplName', descriptor.putApplication, into)
  if (descriptor.backoutCount !== 0) into.set('mq.BackoutCount', descriptor.backoutCount)
}

function addId(name: string, id: Buffer, into: Map<string, MessageProperty>): void {
  if (id.some(byte => byte !== 0)) into.set(name, idText(id))
}

function addText(name: string, text: string, into: Map<string, MessageProperty>): void {
  if (text !== '') into.set(name, text)
}
