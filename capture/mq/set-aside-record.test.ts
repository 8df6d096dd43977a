import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FrameWriter, FrameReader } from './frame.ts'
import { MqConnection } from './mq-connection.ts'
import { originPosition } from './position.ts'
import { tell } from './reader-output.ts'
import type { ReaderLink } from './reader-link.ts'
import { sampleDescriptor } from './testing/queue-model.ts'
import { setAsidePrefix } from './set-aside-record.ts'

/** What a receiver hears of a unit with a batch in which one message was set aside. */
function heard(tellsSetAside: boolean): string[] {
  const calls: string[] = []
  let onFrame: Parameters<ReaderLink['listen']>[0] = () => {}
  const reader: ReaderLink = {
    pid: undefined,
    listen: take => void (onFrame = take),
    send: () => {},
    pause: () => {},
    resume: () => {},
    close: () => Promise.resolve()
  }
  const connection = new MqConnection({
    reader,
    queues: [
      {
        name: 'Q',
        unit: 'batch',
        batchMessages: 9,
        batchMs: 0,
        backoutThreshold: null,
        backoutQueue: null,
        convert: true
      }
    ],
    system: 'QM',
    backout: [],
    unitMsMax: 1,
    tellsSetAside,
    after: () => () => {},
    onEvent: ({ type }) => calls.push(`event ${type}`),
    onCommitted: () => {},
    onNotTaken: () => {}
  })
  void connection.run(
    {
      begin: ({ sourceId }) => calls.push(`begin ${sourceId.slice(0, 2)}`),
      operation: ({ message }) => calls.push(`operation ${message!.prefix}: ${Buffer.from(message!.bytes).toString()}`),
      commit: () => calls.push('commit'),
      unit: () => calls.push('unit'),
      schema: () => {},
      idle: () => {}
    },
    originPosition
  )
  const frames = new FrameReader()
  const writer = new FrameWriter(bytes => frames.take(Buffer.from(bytes)).forEach(onFrame))
  const body = Buffer.from('one')
  writer.message(0, true, sampleDescriptor({ msgId: 'a' }), body)
  tell(writer, { type: 'set-aside', queue: 'Q', backoutQueue: 'B', msgId: 'ff', backoutCount: 3, putTime: 7 })
  writer.message(0, false, sampleDescriptor({ msgId: 'b' }), body)
  writer.mark('transaction-end')
  writer.bytes('unit', originPosition)
  writer.flush()
  return calls
}

const batch = ['begin 61', 'operation Q: one', 'event set-aside', 'operation Q: one', 'commit']

test('a message set aside inside a batch is told as a transaction of its own, before its unit ends', () => {
  const told = JSON.stringify({
    type: 'set-aside',
    queue: 'Q',
    backoutQueue: 'B',
    msgId: 'ff',
    backoutCount: 3,
    putTime: 7
  })
  assert.deepEqual(heard(true), [...batch, 'begin ff', `operation ${setAsidePrefix}: ${told}`, 'commit', 'unit'])
})

test('without a monitoring topic it is in the log alone', () => {
  assert.deepEqual(heard(false), [...batch, 'unit'])
})
