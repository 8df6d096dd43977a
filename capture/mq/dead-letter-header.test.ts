import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deadLetterHeader } from './dead-letter-header.ts'

const header = {
  reason: 2362,
  queue: 'ORDERS.IN',
  queueManager: 'QM1',
  encoding: 273,
  ccsid: 500,
  format: 'MQSTR',
  applicationType: 6,
  application: 'tidemark a subscription of a long name',
  movedAt: new Date('2026-01-02T03:04:05.678Z')
}

/** By the layout in IBM's reference, "MQDLH - Dead-letter header". */
const fields: [name: string, at: number, bytes: string | number][] = [
  ['StrucId', 0, 'DLH '],
  ['Version', 4, 1],
  ['Reason', 8, 2362],
  ['DestQName', 12, 'ORDERS.IN'.padEnd(48)],
  ['DestQMgrName', 60, 'QM1'.padEnd(48)],
  ['Encoding', 108, 273],
  ['CodedCharSetId', 112, 500],
  ['Format', 116, 'MQSTR   '],
  ['PutApplType', 124, 6],
  ['PutApplName', 128, 'tidemark a subscription of a'],
  ['PutDate', 156, '20260102'],
  ['PutTime', 164, '03040567']
]
for (const littleEndian of [true, false]) {
  test(`the header is what MQ says, integers ${littleEndian ? 'little' : 'big'}-endian`, () => {
    const bytes = deadLetterHeader(header, littleEndian)
    assert.equal(bytes.length, 172)
    for (const [name, at, value] of fields) {
      if (typeof value === 'string') assert.equal(bytes.toString('latin1', at, at + value.length), value, name)
      else assert.equal(littleEndian ? bytes.readInt32LE(at) : bytes.readInt32BE(at), value, name)
    }
  })
}
