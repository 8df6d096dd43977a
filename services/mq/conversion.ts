import { at } from './message.ts'

// MQGMO_CONVERT ("Data conversion" in IBM's reference): the content as the getter's CodedCharSetId and Encoding want it, or,
// with a warning, as it is.

const reason = { formatError: 2110, conversionFailed: 2119 } as const
const utf8 = 1208
const latin1 = 819
const utf16 = 1200
const ebcdic = 500

export interface Converted {
  body: Buffer
  /** 0: as wanted. */
  reason: number
}

/**
 * `descriptor` is corrected where the content was converted. The stand-in has some code pages to UTF-8 and nothing else:
 * other text fails as with a queue manager that has no table for it, and what has no format cannot be converted at all.
 */
export function converted(descriptor: Buffer, body: Buffer, wanted: Buffer): Converted {
  const field = (of: Buffer, offset: number) => of.readInt32LE(offset)
  // MQCCSI_Q_MGR, 0: the queue manager's own.
  const [ccsid, ccsidWanted] = [field(descriptor, at.ccsid), field(wanted, at.ccsid) || utf8]
  const format = descriptor.toString('latin1', at.format, at.format + 8).trim()
  if (format === 'MQSTR') {
    if (ccsid === ccsidWanted) return { body, reason: 0 }
    const text = ccsidWanted === utf8 ? textOf(body, ccsid) : null
    if (text === null) return { body, reason: reason.conversionFailed }
    descriptor.writeInt32LE(utf8, at.ccsid)
    return { body: Buffer.from(text), reason: 0 }
  }
  const same = ccsid === ccsidWanted && field(descriptor, at.encoding) === field(wanted, at.encoding)
  return { body, reason: same || format === 'MQHRF2' ? 0 : reason.formatError }
}

/** null: there is no table for the code page. */
function textOf(body: Buffer, ccsid: number): string | null {
  if (ccsid === latin1) return body.toString('latin1')
  if (ccsid === ebcdic) return Buffer.from(body.map(byte => latin1Of500[byte]!)).toString('latin1')
  return ccsid === utf16 && body.length % 2 === 0 ? Buffer.from(body).swap16().toString('utf16le') : null
}

/** EBCDIC International (CCSID 500) has the characters of ISO 8859-1 in another order. */
const latin1Of500 = Buffer.from(
  '000102039c09867f978d8e0b0c0d0e0f101112139d8508871819928f1c1d1e1f80818283840a171b88898a8b8c050607' +
    '909116939495960498999a9b14159e1a20a0e2e4e0e1e3e5e7f15b2e3c282b2126e9eaebe8edeeefecdf5d242a293b5e' +
    '2d2fc2c4c0c1c3c5c7d1a62c255f3e3ff8c9cacbc8cdcecfcc603a2340273d22d8616263646566676869abbbf0fdfeb1' +
    'b06a6b6c6d6e6f707172aabae6b8c6a4b57e737475767778797aa1bfd0dddeaea2a3a5b7a9a7b6bcbdbeac7cafa8b4d7' +
    '7b414243444546474849adf4f6f2f3f57d4a4b4c4d4e4f505152b9fbfcf9faff5cf7535455565758595ab2d4d6d2d3d5' +
    '30313233343536373839b3dbdcd9da9f',
  'hex'
)
