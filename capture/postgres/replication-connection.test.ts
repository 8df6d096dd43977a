import assert from 'node:assert/strict'
import net from 'node:net'
import { test, type TestContext } from 'node:test'
import { startPostgres } from '../../services/postgres.ts'
import { lsnToBytes, lsn } from '@tidemark/schemas/position.ts'
import { isTidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { ErrorCode } from '@tidemark/schemas/error-codes.ts'
import pg from 'pg'
import type { SourceClock } from './copy-stream.ts'
import { systemSourceClock } from '../system-surroundings.ts'
import { PostgresSource, type SlotHolder } from './postgres-source.ts'
import { CapturedDatabase } from './testing/captured-database.ts'

const account = 'CREATE TABLE account (id int PRIMARY KEY, note text)'
const never = new AbortController().signal
const hasCode = (code: ErrorCode) => (error: unknown) => isTidemarkError(error, code) || assert.fail(String(error))

function create(t: TestContext): Promise<CapturedDatabase> {
  return CapturedDatabase.create(t, account, 'FOR TABLE account')
}

/** Pieces of a promise a test waits on, made before the act. */
function noted<T>(): { promise: Promise<T>; note: (value: T) => void } {
  const { promise, resolve } = Promise.withResolvers<T>()
  return { promise, note: resolve }
}

test("identity and confirmed position are the server's own", async t => {
  const database = await create(t)
  const connection = await database.source().open(never)
  t.after(() => connection.close())
  const { rows } = await database.query<{ system: string; timeline: number }>(
    'SELECT system_identifier::text AS system, timeline_id AS timeline FROM pg_control_system(), pg_control_checkpoint()'
  )
  assert.deepEqual(connection.identity, rows[0])
  assert.deepEqual(await connection.confirmed(), database.start)
})

test('the second to open waits aloud, naming who holds the slot, and gets it when the first lets go', async t => {
  const database = await create(t)
  const first = await database.source({ applicationName: 'first' }).open(never)
  const waiting = noted<SlotHolder>()
  const second = database.source({ onWaiting: waiting.note }).open(never)
  const holder = await waiting.promise
  assert.equal(holder.applicationName, 'first')
  assert.equal(typeof holder.pid, 'number')
  await first.close()
  await (await second).close()
})

test('waiting for the slot ends when it is aborted', async t => {
  const database = await create(t)
  const first = await database.source().open(never)
  t.after(() => first.close())
  const abort = new AbortController()
  const reason = new Error('enough')
  const second = database.source({ onWaiting: () => abort.abort(reason) }).open(abort.signal)
  await assert.rejects(second, reason)
})

test("only the walsender of this very source's dead connection is ended, and only when asked", async t => {
  const database = await create(t)
  const proxy = await proxied(t, database.url)
  const source = database.source({ url: proxy.url, silenceMs: 300, endOwnDeadWalsender: true })
  const first = await source.open(never)
  const running = first.run({ begin() {}, operation() {}, schema() {}, commit() {}, idle() {} }, database.start)
  proxy.freeze()
  await assert.rejects(running, hasCode('POSTGRES_UNREACHABLE'))
  await first.close()
  // The server knows nothing of the end yet: the slot is held until wal_sender_timeout, a minute.
  proxy.thaw()
  await (await source.open(never)).close()
})

test('a server that falls silent is given up', async t => {
  const database = await create(t)
  const proxy = await proxied(t, database.url)
  const capture = await database.capture(database.start, { url: proxy.url, silenceMs: 300 })
  await database.untilMarked(capture)
  proxy.freeze()
  await assert.rejects(capture.running, hasCode('POSTGRES_UNREACHABLE'))
})

test('an idle connection stays, since the server answers when asked', async t => {
  const database = await create(t)
  const ticked = noted<void>()
  let ticks = 0
  const clock: SourceClock = {
    ...systemSourceClock,
    after: (ms, task) => {
      if (++ticks === 40) ticked.note()
      return systemSourceClock.after(ms, task)
    }
  }
  // 40 ticks are more than six times the silence it bears.
  const capture = await database.capture(database.start, { silenceMs: 150, clock })
  await ticked.promise
  await database.untilMarked(capture)
})

test('a walsender that is ended rejects the run', async t => {
  const database = await create(t)
  const { running } = await database.capture()
  await database.query(
    `SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = '${database.slot}'`
  )
  await assert.rejects(running, hasCode('POSTGRES_UNREACHABLE'))
})

test('after close the run resolves and the slot is free', async t => {
  const database = await create(t)
  const { connection, running } = await database.capture()
  await connection.close()
  await running
  const again = await database.source({ onWaiting: () => assert.fail('held') }).open(never)
  await again.close()
})

test('what the server sends before run stays unread, and comes then', async t => {
  const database = await create(t)
  await database.query("INSERT INTO account VALUES (1, 'x')")
  const connection = await database.source().open(never)
  t.after(() => connection.close())
  await connection.confirmed()
  const capture = database.run(connection)
  await database.untilMarked(capture)
  assert.equal(capture.receiver.log.filter(line => line.includes(' insert ')).length, 1)
})

test('while paused the receiver is not called; resumed, all comes in order', async t => {
  const database = await create(t)
  const capture = await database.capture()
  const { receiver, connection } = capture
  await database.untilMarked(capture)
  let paused = false
  const operation = receiver.operation.bind(receiver)
  let seen = 0
  receiver.operation = one => {
    assert.equal(paused, false)
    operation(one)
    if (one.kind !== 'insert') return
    // At once, in the middle of a chunk; and from within the call.
    connection.pause()
    paused = true
    seen++
    setImmediate(() => {
      paused = false
      connection.resume()
    })
  }
  await database.query("INSERT INTO account SELECT i, 'note' FROM generate_series(1, 500) i")
  await database.untilMarked(capture)
  assert.equal(seen, 500)
  const rows = receiver.log.filter(line => line.includes(' insert '))
  assert.deepEqual(
    rows,
    rows.map((_, index) => `${index} insert public.account after ${index + 1}|note`)
  )
})

test('settled positions are told while the receiver is paused', async t => {
  const database = await create(t)
  const capture = await database.capture(database.start, { silenceMs: 60_000 })
  await database.query("INSERT INTO account VALUES (1, 'x')")
  await database.untilMarked(capture)
  capture.connection.pause()
  await database.query("INSERT INTO account SELECT i, repeat('x', 1000) FROM generate_series(2, 20000) i")
  const settled = capture.receiver.positions.at(-1)!
  capture.connection.settle(settled)
  await until(async () => Buffer.compare((await capture.connection.confirmed())!, settled) === 0)
})

test('a settled position never goes back', async t => {
  const database = await create(t)
  const capture = await database.capture()
  await database.query("INSERT INTO account VALUES (1, 'x')")
  await database.untilMarked(capture)
  const [first, last] = [capture.receiver.positions[0]!, capture.receiver.positions.at(-1)!]
  capture.connection.settle(last)
  capture.connection.settle(first)
  await capture.connection.close()
  const again = await database.source().open(never)
  t.after(() => again.close())
  assert.deepEqual(await again.confirmed(), last)
})

test('an idle stream moves on by keepalives, past changes of tables that are not captured', async t => {
  const database = await create(t)
  const { receiver } = await database.capture()
  await database.query('CREATE TABLE other (id int); INSERT INTO other SELECT generate_series(1, 100)')
  const { rows } = await database.query<{ at: string }>("SELECT (pg_current_wal_flush_lsn() - '0/0')::text AS at")
  await receiver.until(
    ({ idled }) => idled !== null && Buffer.compare(idled, lsnToBytes(lsn(BigInt(rows[0]!.at)))) >= 0
  )
  // PostgreSQL 14 sends transactions without a captured change, empty.
  assert.deepEqual(
    receiver.log.filter(line => !/^(idle|begin|commit)/.test(line)),
    []
  )
})

test('a missing slot, publication or database, and a slot of another kind, are named', async t => {
  const database = await create(t)
  await assert.rejects(database.source({ slot: 'nobody' }).open(never), hasCode('SLOT_MISSING'))
  await assert.rejects(database.source({ publication: 'nobody' }).open(never), hasCode('PUBLICATION_UNSUITABLE'))
  const url = new URL(database.url)
  url.pathname = '/nobody'
  await assert.rejects(database.source({ url: url.href }).open(never), hasCode('POSTGRES_UNREACHABLE'))
  await database.query(`SELECT pg_create_logical_replication_slot('${database.slot}_other', 'test_decoding')`)
  await assert.rejects(database.source({ slot: `${database.slot}_other` }).open(never), hasCode('SLOT_UNSUITABLE'))
})

test('a slot dropped or advanced by hand shows in its confirmed position', async t => {
  const database = await create(t)
  await database.query("INSERT INTO account VALUES (1, 'x')")
  await database.query(`SELECT pg_replication_slot_advance('${database.slot}', pg_current_wal_lsn())`)
  const connection = await database.source().open(never)
  assert.ok(Buffer.compare((await connection.confirmed())!, database.start) > 0)
  await connection.close()
  await database.query(`SELECT pg_drop_replication_slot('${database.slot}')`)
  await assert.rejects(database.source().open(never), hasCode('SLOT_MISSING'))
})

test('a publication dropped behind the slot is named when the next change comes', async t => {
  const database = await create(t)
  const { running, receiver } = await database.capture()
  await database.query("BEGIN; INSERT INTO account VALUES (1, 'x'); DROP PUBLICATION captured")
  await database.query("INSERT INTO account VALUES (2, 'y'); COMMIT")
  await assert.rejects(running, hasCode('PUBLICATION_UNSUITABLE'))
  assert.deepEqual(
    receiver.log.filter(line => line.startsWith('commit')),
    []
  )
})

test('a role without REPLICATION, a wrong password and no server are named, and no password is told', async t => {
  const database = await create(t)
  const url = new URL(database.url)
  const role = `reader_${database.slot}`
  await database.query(`CREATE ROLE ${role} LOGIN PASSWORD 'geheim'`)
  t.after(async () => {
    const client = new pg.Client(database.url)
    await client.connect()
    await client.query(`DROP ROLE ${role}`)
    await client.end()
  })
  Object.assign(url, { username: role, password: 'geheim' })
  await assert.rejects(database.source({ url: url.href }).open(never), hasCode('POSTGRES_PERMISSION'))
  url.password = 'falsch'
  const wrong = await database
    .source({ url: url.href })
    .open(never)
    .catch((error: unknown) => error)
  hasCode('POSTGRES_AUTHENTICATION')(wrong)
  assert.doesNotMatch(JSON.stringify(wrong) + String((wrong as Error).stack), /falsch/)
  const free = net.createServer().listen(0, '127.0.0.1')
  await new Promise(resolve => free.once('listening', resolve))
  url.port = String((free.address() as net.AddressInfo).port)
  await new Promise(resolve => free.close(resolve))
  await assert.rejects(database.source({ url: url.href }).open(never), hasCode('POSTGRES_UNREACHABLE'))
})

test('a slot whose WAL was removed is lost by name', async t => {
  const server = await startPostgres({
    durable: false,
    settings: { max_slot_wal_keep_size: '1MB', min_wal_size: '32MB', max_wal_size: '32MB' }
  })
  t.after(() => server.stop())
  const client = new pg.Client(server.url)
  client.on('error', () => {})
  await client.connect()
  t.after(() => client.end())
  await client.query('CREATE TABLE account (id int PRIMARY KEY); CREATE PUBLICATION captured FOR TABLE account')
  await client.query("SELECT pg_create_logical_replication_slot('lost', 'pgoutput')")
  const options = { url: server.url, slot: 'lost', publication: 'captured', clock: systemSourceClock }
  const before = await new PostgresSource(options).open(never)
  await before.close()
  await until(async () => {
    await client.query("SELECT pg_switch_wal() FROM pg_logical_emit_message(true, 'fill', repeat('x', 1000))")
    await client.query('CHECKPOINT')
    const { rows } = await client.query("SELECT wal_status = 'lost' AS lost FROM pg_replication_slots")
    return rows[0].lost
  })
  await assert.rejects(new PostgresSource(options).open(never), hasCode('SLOT_LOST'))
})

/** Asks again and again, each time after the answer: no time is slept. */
async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise(resolve => setImmediate(resolve))
}

/** A proxy before the server that can stop passing anything on, as a broken network does. */
async function proxied(t: TestContext, target: string): Promise<{ url: string; freeze(): void; thaw(): void }> {
  const { hostname, port } = new URL(target)
  const sockets = new Set<net.Socket>()
  let frozen = false
  const server = net.createServer({ pauseOnConnect: true }, inbound => {
    const outbound = net.connect(Number(port), hostname)
    for (const [from, to] of [
      [inbound, outbound],
      [outbound, inbound]
    ] as const) {
      sockets.add(from)
      let lost = false
      from.on('data', chunk => {
        lost ||= frozen
        if (!lost) to.write(chunk)
      })
      from.on('error', () => {})
      // A connection once frozen is dead: neither side learns of the other's end.
      from.on('close', () => lost || frozen || to.destroy())
    }
    inbound.resume()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    return new Promise(resolve => server.close(resolve))
  })
  const url = new URL(target)
  url.port = String((server.address() as net.AddressInfo).port)
  return {
    url: url.href,
    freeze: () => void (frozen = true),
    thaw: () => void (frozen = false)
  }
}
