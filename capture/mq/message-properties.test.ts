import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FrameReader, FrameWriter, type Frame } from './frame.ts'
import { putTimeOf } from './message.ts'
import { describe } from './message-properties.ts'
import { parseRfh2 } from './rfh2.ts'
import { sampleDescriptor } from './testing/queue-model.ts'

/** `big`: numbers of the header big-endian, as from a mainframe. */
function rfh2(folders: string[], { big = false, format = 'MQSTR   ', ccsid = 37 } = {}): Buffer {
  const int = (value: number) => {
    const bytes = Buffer.alloc(4)
    if (big) bytes.writeInt32BE(value)
    else bytes.writeInt32LE(value)
    return bytes
  }
  const parts = folders.flatMap(folder => {
    const text = Buffer.from(folder.padEnd(Math.ceil(Buffer.byteLength(folder) / 4) * 4))
    return [int(text.length), text]
  })
  const length = 36 + parts.reduce((sum, part) => sum + part.length, 0)
  const head = [Buffer.from('RFH '), int(2), int(length), int(785), int(ccsid), Buffer.from(format), int(0), int(1208)]
  return Buffer.concat([...head, ...parts])
}

test('properties of an MQRFH2 have their types, and what follows it is the content', () => {
  const header = rfh2([
    "<usr><n dt='i4'>-7</n><big dt='i8'>9007199254740993</big><f dt='r8'>1.5</f><yes dt='boolean'>1</yes><raw dt='bin.hex'>00FF</raw><text>a &lt;b&gt; &amp; c</text></usr>",
    '<mcd><Msd>jms_text</Msd></mcd>'
  ])
  const descriptor = { ...sampleDescriptor(), format: 'MQHRF2' }
  const { content, properties } = describe(descriptor, Buffer.concat([header, Buffer.from([1, 2, 3])]))
  assert.deepEqual([...content], [1, 2, 3])
  assert.equal(properties.get('n'), -7)
  assert.equal(properties.get('big'), '9007199254740993')
  assert.equal(properties.get('f'), 1.5)
  assert.equal(properties.get('yes'), true)
  assert.deepEqual(properties.get('raw'), Buffer.from([0, 255]))
  assert.equal(properties.get('text'), 'a <b> & c')
  assert.equal(properties.get('mcd.Msd'), 'jms_text')
  assert.equal(properties.get('mq.Format'), 'MQSTR')
  assert.equal(properties.get('mq.CodedCharSetId'), 37)
})

test('an empty element ends itself, and what follows is not inside it', () => {
  const header = rfh2(['<usr><a/><b dt="string" />x<c>1</c></usr>'])
  const { properties } = describe({ ...sampleDescriptor(), format: 'MQHRF2' }, header)
  assert.deepEqual([properties.get('a'), properties.get('b'), properties.get('c')], ['', '', '1'])
})

test('a value that is none of its type stays the text it is', () => {
  const header = rfh2([
    "<usr><n dt='i4'></n><m dt='r8'>1,5</m><raw dt='bin.hex'>0FF</raw><no dt='boolean'>0</no><b dt='boolean'>perhaps</b></usr>"
  ])
  const { properties } = describe({ ...sampleDescriptor(), format: 'MQHRF2' }, header)
  const values = ['n', 'm', 'raw', 'no', 'b'].map(name => properties.get(name))
  assert.deepEqual(values, ['', '1,5', '0FF', false, 'perhaps'])
})

test('a property is never taken for a field of the descriptor', () => {
  const header = rfh2(['<mq><GroupId>forged</GroupId></mq>', '<usr><mq.CorrelId>forged</mq.CorrelId></usr>'])
  const { properties } = describe({ ...sampleDescriptor(), format: 'MQHRF2' }, header)
  assert.deepEqual([properties.has('mq.GroupId'), properties.has('mq.CorrelId')], [false, false])
  assert.deepEqual(
    [properties.get('property.mq.GroupId'), properties.get('property.mq.CorrelId')],
    ['forged', 'forged']
  )
})

const endless = { 'open brackets': '<', 'a name without end': 'a', 'spaces before a letter': ' ' }
for (const [what, piece] of Object.entries(endless)) {
  test(`a header of ${what} takes no more time than it is long`, () => {
    const header = rfh2([`<usr><ok>1</ok><a ${piece.repeat(500_000)}x`, '<usr><after>2</after></usr>'])
    const { properties } = describe({ ...sampleDescriptor(), format: 'MQHRF2' }, header)
    assert.deepEqual([properties.get('ok'), properties.get('after')], ['1', '2'])
  })
}

test('headers stand one after the other; big-endian ones are read by their encoding', () => {
  const body = Buffer.concat([
    rfh2(['<usr><a>1</a></usr>'], { big: true, format: 'MQHRF2  ' }),
    rfh2(['<usr><b>2</b></usr>'], { big: true }),
    Buffer.from('x')
  ])
  const { content, properties } = describe({ ...sampleDescriptor(), format: 'MQHRF2', encoding: 785 }, body)
  assert.equal(content.toString(), 'x')
  assert.deepEqual([properties.get('a'), properties.get('b')], ['1', '2'])
})

test('a damaged header is content: nothing is guessed', () => {
  const descriptor = { ...sampleDescriptor(), format: 'MQHRF2' }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), bytes => {
      const body = Buffer.concat([Buffer.from('RFH \u0002\0\0\0', 'latin1'), bytes])
      const header = parseRfh2(body, false)
      const { content } = describe(descriptor, body)
      if (header === null) assert.deepEqual(content, body)
      else assert.ok(header.length <= body.length)
    })
  )
})

test('the time of putting is Greenwich time, in microseconds', () => {
  assert.equal(putTimeOf({ putDate: '20260102', putTime: '03040567' }), Date.UTC(2026, 0, 2, 3, 4, 5, 670) * 1_000)
  assert.equal(putTimeOf({ putDate: '', putTime: '' }), 0)
})

test('frames come out as they went in, however the pipe cuts them', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 12 }),
      fc.integer({ min: 1, max: 97 }),
      (bodies, step) => {
        const written: Buffer[] = []
        const writer = new FrameWriter(bytes => written.push(Buffer.from(bytes)), 64)
        const descriptor = {
          ...sampleDescriptor({ msgId: 'a', groupId: 'b', sequence: 5 }),
          replyToQueue: 'R.Q',
          expiry: 12
        }
        for (const body of bodies) writer.message(3, body.length % 2 === 0, descriptor, Buffer.from(body))
        writer.mark('transaction-end')
        writer.bytes('unit', Buffer.from([9]))
        writer.mark('committed')
        writer.flush()
        const all = Buffer.concat(written)
        const reader = new FrameReader()
        const frames: Frame[] = []
        for (let at = 0; at < all.length; at += step) frames.push(...reader.take(all.subarray(at, at + step)))
        assert.deepEqual(
          frames.slice(0, bodies.length),
          bodies.map(body => ({
            kind: 'message',
            queue: 3,
            first: body.length % 2 === 0,
            descriptor,
            body: Buffer.from(body)
          }))
        )
        assert.deepEqual(frames.slice(bodies.length), [
          { kind: 'transaction-end' },
          { kind: 'unit', position: Buffer.from([9]) },
          { kind: 'committed' }
        ])
      }
    )
  )
})
