import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { lsn, lsnFromBytes, type Lsn } from '@tidemark/schemas/position.ts'
import { isTidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { Assembler, type NonTransactionalMessages } from './assembler.ts'
import { PgoutputDecoder, type RelationMessage } from './pgoutput.ts'
import * as frames from './testing/pgoutput-frames.ts'
import { RelationCatalogue, type StreamRequest } from './relation-catalogue.ts'
import { RecordingReceiver } from './testing/recording-receiver.ts'

const int4 = { oid: 23, name: 'int4', type: 'b', category: 'N', baseOid: 0, modifier: -1, elementOid: 0 }
const text = { oid: 25, name: 'text', type: 'b', category: 'S', baseOid: 0, modifier: -1, elementOid: 0 }

function account(change: Partial<RelationMessage> = {}): RelationMessage {
  return {
    id: 0x9000_0001,
    schema: 'public',
    name: 'account',
    replicaIdentity: 'default',
    columns: [
      { name: 'id', identity: true, typeOid: 23, modifier: -1 },
      { name: 'note', identity: false, typeOid: 25, modifier: -1 }
    ],
    ...change
  }
}

function catalogueOf(...relations: RelationMessage[]): RelationCatalogue {
  const catalogue = new RelationCatalogue()
  catalogue.types.add([int4, text])
  for (const { id } of relations) catalogue.addKeys(id, { primaryKey: ['id'], identityIndex: [] })
  return catalogue
}

interface Bench {
  receiver: RecordingReceiver
  assembler: Assembler
  /** What was to be looked up. */
  asked: StreamRequest[]
  send: (...all: Buffer[]) => void
}

function bench(
  options: { from?: bigint; catalogue?: RelationCatalogue; messages?: NonTransactionalMessages } = {}
): Bench {
  const receiver = new RecordingReceiver()
  const assembler = new Assembler({
    receiver,
    catalogue: options.catalogue ?? catalogueOf(account()),
    from: lsn(options.from ?? 0n),
    nonTransactionalMessages: options.messages ?? 'ignore'
  })
  const decoder = new PgoutputDecoder(assembler)
  const asked: StreamRequest[] = []
  const send = (...all: Buffer[]): void => {
    for (const frame of all) {
      decoder.decode(frame, 0, frame.length)
      if (assembler.wanted === null) continue
      asked.push(assembler.wanted)
      assembler.looked()
    }
  }
  return { receiver, assembler, asked, send }
}

const { id } = account()
const isInvalid = (error: unknown): boolean => isTidemarkError(error, 'PROTOCOL_INVALID')

test('operations of a transaction come between its begin and its commit, numbered, its table first', () => {
  const { receiver, send } = bench()
  send(
    frames.beginFrame(100n, 5_000_000, 0xffff_fff0),
    frames.relationFrame(account()),
    frames.insertFrame(id, ['1', 'a']),
    frames.updateFrame(id, ['1', null]),
    frames.updateFrame(id, ['2', null], { kind: 'key', values: ['1', null] }),
    frames.deleteFrame(id, 'key', ['2', null]),
    frames.truncateFrame([id]),
    frames.messageFrame(true, 90n, 'orders', Buffer.from('{}')),
    frames.commitFrame(100n, 120n, 5_000_000)
  )
  assert.deepEqual(receiver.log, [
    'begin 4294967280 at 0/64 time 5000000 mirror',
    'schema public.account v1 (id int4 key, note text)',
    '0 insert public.account after 1|a',
    '1 update public.account after 1|null',
    '2 update public.account key 1 after 2|null',
    '3 delete public.account key 2',
    '4 truncate public.account',
    '5 message orders {}',
    'commit 0/78'
  ])
})

test('each operation has the place of its own change in the log', () => {
  const { receiver, send } = bench()
  const places: (bigint | undefined)[] = []
  const { operation } = receiver
  receiver.operation = each => {
    places.push(each.lsnBytes?.readBigUInt64BE(each.lsnStart))
    operation.call(receiver, each)
  }
  const placed = (place: bigint, frame: Buffer) => {
    frame.writeBigUInt64BE(place, 1)
    return frame
  }
  send(
    placed(90n, frames.beginFrame(2n ** 63n, 5_000_000, 1)),
    placed(91n, frames.relationFrame(account())),
    placed(92n, frames.insertFrame(id, ['1', 'a'])),
    placed(2n ** 63n - 1n, frames.deleteFrame(id, 'key', ['1', null])),
    placed(95n, frames.truncateFrame([id])),
    placed(96n, frames.messageFrame(true, 90n, 'orders', Buffer.from('{}')))
  )
  assert.deepEqual(places, [92n, 2n ** 63n - 1n, 95n, 96n])
})

test('ordinals begin anew with each transaction', () => {
  const { receiver, send } = bench()
  send(
    frames.beginFrame(100n, 0, 1),
    frames.relationFrame(account()),
    frames.insertFrame(id, ['1', 'a']),
    frames.commitFrame(100n, 120n, 0),
    frames.beginFrame(120n, 0, 2),
    frames.insertFrame(id, ['2', 'b']),
    frames.commitFrame(120n, 140n, 0)
  )
  assert.deepEqual(
    receiver.log.filter(line => line.includes('insert')),
    ['0 insert public.account after 1|a', '0 insert public.account after 2|b']
  )
})

test('what was had is dropped to the byte, definitions in it are kept', () => {
  // The commit of the last one ended at 120, which is also where the next one's first row and commit may begin.
  const { receiver, send } = bench({ from: 120n })
  send(
    frames.beginFrame(100n, 0, 1),
    frames.relationFrame(account()),
    frames.insertFrame(id, ['1', 'a']),
    frames.commitFrame(100n, 120n, 0),
    frames.beginFrame(120n, 0, 2),
    frames.insertFrame(id, ['2', 'b']),
    frames.commitFrame(120n, 140n, 0)
  )
  assert.deepEqual(receiver.log, [
    'begin 2 at 0/78 time 0 mirror',
    'schema public.account v1 (id int4 key, note text)',
    '0 insert public.account after 2|b',
    'commit 0/8C'
  ])
})

test('under REPLICA IDENTITY FULL an unchanged value is taken from the old row', () => {
  const full = account({
    replicaIdentity: 'full',
    columns: account().columns.map(column => ({ ...column, identity: true }))
  })
  const { receiver, send } = bench()
  send(
    frames.beginFrame(1n, 0, 1),
    frames.relationFrame(full),
    frames.updateFrame(id, ['2', frames.unchangedValue], { kind: 'full', values: ['1', 'long'] }),
    frames.commitFrame(1n, 2n, 0)
  )
  assert.deepEqual(receiver.log.slice(1, 3), [
    'schema public.account v1 (id int4 key, note text)',
    '0 update public.account before 1|long after 2|long'
  ])
})

test('an unchanged value that nobody sent stays unchanged', () => {
  const { receiver, send } = bench()
  send(
    frames.beginFrame(1n, 0, 1),
    frames.relationFrame(account()),
    frames.updateFrame(id, ['1', frames.unchangedValue]),
    frames.commitFrame(1n, 2n, 0)
  )
  assert.equal(receiver.log[2], '0 update public.account after 1|unchanged')
})

test('a changed definition is a new version, a repeated one is not', () => {
  const { receiver, asked, send } = bench()
  send(frames.beginFrame(1n, 0, 4_000_000_001), frames.relationFrame(account()), frames.insertFrame(id, ['1', 'a']))
  send(frames.relationFrame(account()))
  const request = { relationIds: [id], typeOids: [23, 25], xid: 4_000_000_001 }
  assert.deepEqual(asked, [request, request])
  send(frames.insertFrame(id, ['2', 'b']))
  send(frames.relationFrame(account({ columns: [account().columns[0]!] })))
  send(frames.insertFrame(id, ['3']), frames.commitFrame(1n, 2n, 0))
  assert.deepEqual(receiver.log.slice(1, -1), [
    'schema public.account v1 (id int4 key, note text)',
    '0 insert public.account after 1|a',
    '1 insert public.account after 2|b',
    'schema public.account v2 (id int4 key)',
    '2 insert public.account after 3'
  ])
})

test('an unknown type is asked for; one that is gone keeps the name the stream gave it', () => {
  const moody = account({
    columns: [...account().columns, { name: 'mood', identity: false, typeOid: 70_000, modifier: -1 }]
  })
  const { receiver, asked, send } = bench()
  send(frames.beginFrame(1n, 0, 1), frames.typeFrame(70_000, 'public', 'mood'), frames.relationFrame(moody))
  assert.deepEqual(asked[0]?.typeOids, [23, 25, 70_000])
  send(frames.insertFrame(id, ['1', 'a', 'happy']))
  assert.equal(receiver.log[1], 'schema public.account v1 (id int4 key, note text, mood mood)')
})

test('a primary key of several columns stands in key order', () => {
  const two = account({ columns: account().columns.map(column => ({ ...column, identity: true })) })
  const catalogue = catalogueOf(two)
  catalogue.addKeys(id, { primaryKey: ['note', 'id'], identityIndex: [] })
  const { receiver, send } = bench({ catalogue })
  send(frames.beginFrame(1n, 0, 1), frames.relationFrame(two), frames.insertFrame(id, ['1', 'a']))
  assert.deepEqual(receiver.tables[0]?.keyColumns, [1, 0])
})

test('a keepalive is passed on between transactions only, and only forwards', () => {
  const { receiver, send } = bench({ from: 10n })
  send(
    frames.keepaliveFrame(10n, 0, false),
    frames.keepaliveFrame(50n, 0, false),
    frames.keepaliveFrame(40n, 0, false),
    frames.beginFrame(60n, 0, 1),
    frames.keepaliveFrame(70n, 0, true),
    frames.commitFrame(60n, 80n, 0),
    frames.keepaliveFrame(80n, 0, false),
    frames.keepaliveFrame(81n, 0, false)
  )
  assert.deepEqual(receiver.log, ['idle 0/32', 'begin 1 at 0/3C time 0 mirror', 'commit 0/50', 'idle 0/51'])
})

test('a non-transactional message is ignored, or a transaction that settles by itself', () => {
  const message = frames.messageFrame(false, 99n, 'beat', Buffer.from('x'), 7)
  const ignoring = bench()
  ignoring.send(message)
  assert.deepEqual(ignoring.receiver.log, [])
  const taking = bench({ messages: 'transaction' })
  taking.send(message)
  assert.deepEqual(taking.receiver.log, ['begin message:63 at 0/63 time 7 mirror', '0 message beat x', 'commit 0/63'])
  const again = bench({ messages: 'transaction', from: 99n })
  again.send(message)
  assert.deepEqual(again.receiver.log, [])
})

const wrong: [string, Buffer[]][] = [
  ['a row outside a transaction', [frames.relationFrame(account()), frames.insertFrame(id, ['1', 'a'])]],
  ['a row of an unknown relation', [frames.beginFrame(1n, 0, 1), frames.insertFrame(5, ['1', 'a'])]],
  ['a truncate of an unknown relation', [frames.beginFrame(1n, 0, 1), frames.truncateFrame([5])]],
  ['a begin within a transaction', [frames.beginFrame(1n, 0, 1), frames.beginFrame(2n, 0, 2)]],
  ['a commit without a begin', [frames.commitFrame(1n, 2n, 0)]],
  ['a commit of another transaction', [frames.beginFrame(1n, 0, 1), frames.commitFrame(3n, 4n, 0)]],
  [
    'a row too narrow for its definition',
    [frames.beginFrame(1n, 0, 1), frames.relationFrame(account()), frames.insertFrame(id, ['1'])]
  ],
  [
    'an old row too narrow for its definition',
    [
      frames.beginFrame(1n, 0, 1),
      frames.relationFrame(account()),
      frames.updateFrame(id, ['1', 'a'], { kind: 'full', values: ['1'] })
    ]
  ],
  [
    'a transaction that goes back behind one that was had',
    [frames.beginFrame(50n, 0, 1), frames.commitFrame(50n, 60n, 0), frames.beginFrame(40n, 0, 2)]
  ],
  ['a transaction behind a keepalive', [frames.keepaliveFrame(50n, 0, false), frames.beginFrame(40n, 0, 2)]]
]
for (const [name, all] of wrong) {
  test(`${name} is refused`, () => assert.throws(() => bench().send(...all), isInvalid))
}

test('started at any transaction border the rest comes once and whole', () => {
  const lengths = fc.array(fc.nat(4), { minLength: 1, maxLength: 8 })
  fc.assert(
    fc.property(lengths, fc.nat(), (rows, start) => {
      const all: Buffer[] = [
        frames.beginFrame(10n, 0, 0),
        frames.relationFrame(account()),
        frames.commitFrame(10n, 20n, 0)
      ]
      const ends: Lsn[] = [lsn(20n)]
      rows.forEach((count, index) => {
        // Adjacent: each commit record begins where the one before it ended.
        const final = 20n + BigInt(index) * 10n
        all.push(frames.beginFrame(final, 0, index + 1))
        for (let row = 0; row < count; row++) all.push(frames.insertFrame(id, [String(index), String(row)]))
        all.push(frames.commitFrame(final, final + 10n, 0))
        ends.push(lsn(final + 10n))
      })
      const from = start % ends.length
      const { receiver, send } = bench({ from: ends[from]! })
      send(...all)
      const begun = receiver.log.filter(line => line.startsWith('begin')).map(line => Number(line.split(' ')[1]))
      assert.deepEqual(begun, rows.map((_, index) => index + 1).slice(from))
      const inserted = receiver.log.filter(line => line.includes('insert')).length
      assert.equal(
        inserted,
        rows.slice(from).reduce((sum, count) => sum + count, 0)
      )
      if (begun.length > 0) assert.equal(lsnFromBytes(receiver.positions.at(-1)!), ends.at(-1))
    })
  )
})
