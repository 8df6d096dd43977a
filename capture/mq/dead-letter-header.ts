// MQDLH ("MQDLH - Dead-letter header"), version 1: StrucId "DLH ", Version, Reason, DestQName (48), DestQMgrName (48),
// Encoding and CodedCharSetId and Format (8) of what follows, PutApplType, PutApplName (28), PutDate (8), PutTime (8).
// The npm package has its constants and no class for it.

export const deadLetterFormat = 'MQDEAD'
export const deadLetterHeaderBytes = 172
/** MQRC_BACKOUT_THRESHOLD_REACHED: what JMS gives as the reason too. */
export const thresholdReached = 2362

/** Why a message is on the dead-letter queue, where it came from, and what it was. */
export interface DeadLetterHeader {
  reason: number
  queue: string
  queueManager: string
  /** Of the message as it was got, from its MQMD. */
  encoding: number
  ccsid: number
  format: string
  /** MQAT_...: kind of the application that moved it. */
  applicationType: number
  application: string
  movedAt: Date
}

/** In this machine's byte order: the message that begins with it says MQENC_NATIVE. */
export function deadLetterHeader(header: DeadLetterHeader, littleEndian: boolean): Buffer {
  const bytes = Buffer.alloc(deadLetterHeaderBytes, ' ')
  const int = (value: number, at: number) =>
    littleEndian ? bytes.writeInt32LE(value, at) : bytes.writeInt32BE(value, at)
  const text = (value: string, at: number, width: number) => bytes.write(value.slice(0, width), at, width, 'latin1')
  text('DLH ', 0, 4)
  int(1, 4)
  int(header.reason, 8)
  text(header.queue, 12, 48)
  text(header.queueManager, 60, 48)
  int(header.encoding, 108)
  int(header.ccsid, 112)
  text(header.format, 116, 8)
  int(header.applicationType, 124)
  text(header.application, 128, 28)
  const [date, time] = dateAndTime(header.movedAt)
  text(date, 156, 8)
  text(time, 164, 8)
  return bytes
}

/** YYYYMMDD and HHMMSSTH, Greenwich Mean Time. */
function dateAndTime(at: Date): [date: string, time: string] {
  const digits = at.toISOString().replaceAll(/\D/g, '')
  return [digits.slice(0, 8), digits.slice(8, 16)]
}
