import { at } from './message.ts'

// MQGMO_CONVERT ("Data conversion" in IBM's reference): the content as the getter's CodedCharSetId and Encoding want it, or,
// with a warning, as it is.

const reason = { formatError: 2110, conversionFailed: 2119 } as const
const utf8 = 1208
const latin1 = 819

export interface Converted {
  body: Buffer
  /** 0: as wanted. */
  reason: number
}

/**
 * `descriptor` is corrected where the content was converted. The stand-in has ISO 8859-1 to UTF-8 and nothing else: other
 * text fails as with a queue manager that has no table for it, and what has no format cannot be converted at all.
 */
export function converted(descriptor: Buffer, body: Buffer, wanted: Buffer): Converted {
  const field = (of: Buffer, offset: number) => of.readInt32LE(offset)
  // MQCCSI_Q_MGR, 0: the queue manager's own.
  const [ccsid, ccsidWanted] = [field(descriptor, at.ccsid), field(wanted, at.ccsid) || utf8]
  const format = descriptor.toString('latin1', at.format, at.format + 8).trim()
  if (format === 'MQSTR') {
    if (ccsid === ccsidWanted) return { body, reason: 0 }
    if (ccsid !== latin1 || ccsidWanted !== utf8) return { body, reason: reason.conversionFailed }
    descriptor.writeInt32LE(utf8, at.ccsid)
    return { body: Buffer.from(body.toString('latin1')), reason: 0 }
  }
  const same = ccsid === ccsidWanted && field(descriptor, at.encoding) === field(wanted, at.encoding)
  return { body, reason: same || format === 'MQHRF2' ? 0 : reason.formatError }
}
