/** A message as a queue gives it. */
export interface QueueMessage {
  descriptor: MessageDescriptor
  /** MQRFH2 with the properties and then the content, when the descriptor's format says so. Valid until the next get. */
  body: Buffer
  /** Of MQGMO.GroupStatus. */
  group: 'none' | 'member' | 'last'
}

/** The fields of an MQMD that matter here; ids are 24 bytes, texts without their padding. */
export interface MessageDescriptor {
  msgId: Buffer
  correlId: Buffer
  groupId: Buffer
  sequence: number
  flags: number
  ccsid: number
  encoding: number
  format: string
  priority: number
  persistence: number
  /** Tenths of a second left, -1 without limit. */
  expiry: number
  msgType: number
  feedback: number
  report: number
  backoutCount: number
  /** YYYYMMDD and HHMMSSTH, Greenwich Mean Time. */
  putDate: string
  putTime: string
  replyToQueue: string
  replyToQueueManager: string
  userIdentifier: string
  putApplication: string
}

/** When the message was put, in microseconds since the Unix epoch; 0 when the descriptor does not say. */
export function putTimeOf({ putDate, putTime }: Pick<MessageDescriptor, 'putDate' | 'putTime'>): number {
  const [date, time] = [/^(\d{4})(\d\d)(\d\d)$/.exec(putDate), /^(\d\d)(\d\d)(\d\d)(\d\d)/.exec(putTime)]
  if (!date || !time) return 0
  const part = (match: RegExpExecArray, index: number) => Number(match[index])
  const ms = Date.UTC(part(date, 1), part(date, 2) - 1, part(date, 3), part(time, 1), part(time, 2), part(time, 3))
  return (ms + part(time, 4) * 10) * 1000
}

/** An identifier as text: 48 hexadecimal digits. */
export function idText(id: Buffer): string {
  return id.toString('hex')
}
