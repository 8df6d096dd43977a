import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { PositionBytes } from '@tidemark/schemas/position.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { GetRequest, Got, MessageVerbs, TransactionUnit } from './message-verbs.ts'
import { originPosition } from './position.ts'
import { QueueReader, type ReadQueue } from './queue-reader.ts'
import { QueueModel } from './testing/queue-model.ts'

/** What happens at the end of a unit of work. */
type UnitEnd = 'committed' | 'crash-before-naming' | 'crash-after-naming' | 'doubt-performed' | 'doubt-not-performed'
const unitEnds: UnitEnd[] = [
  'committed',
  'crash-before-naming',
  'crash-after-naming',
  'doubt-performed',
  'doubt-not-performed'
]

class Crash extends Error {}

/** Reads until the queue is empty, over the ends given; each end but `committed` makes a new reader begin. */
async function readAll(model: QueueModel, queue: ReadQueue, ends: readonly UnitEnd[], unitMessages: number) {
  const named: string[][] = []
  const setAside: string[] = []
  let position: PositionBytes = originPosition
  let next = 0
  for (let life = 0; model.depth > 0; life++) {
    assert.ok(life < 200, 'the queue is never empty')
    const gathered: string[][] = []
    let end: UnitEnd = 'committed'
    const verbs: MessageVerbs = {
      get: request => model.get(request),
      setAside: (_, message) => {
        setAside.push(model.setAside(message))
        return 'moved'
      },
      back: () => model.back(),
      commit: () => {
        if (end === 'committed') return model.commit()
        if (end === 'doubt-performed') model.commit()
        throw new TidemarkError('MQ_COMMIT_IN_DOUBT', { message: 'in doubt' })
      }
    }
    const reader = new QueueReader(position, {
      queues: [queue],
      limits: { messages: unitMessages, bytes: 1e9, ms: 1e9, messagesMax: 1e6 },
      verbs,
      now: () => 0,
      waitMs: 1,
      doubtMs: 1e9,
      output: {
        message: (_, first, message) => {
          if (first) gathered.push([])
          gathered.at(-1)!.push(message.body.toString())
        },
        transactionEnd: () => {},
        setAside: () => {},
        inhibited: () => {},
        unit: unitPosition => {
          end = ends[next++] ?? 'committed'
          if (end === 'crash-before-naming') return Promise.reject(new Crash())
          named.push(...gathered.splice(0))
          position = unitPosition
          return end === 'crash-after-naming' ? Promise.reject(new Crash()) : Promise.resolve()
        },
        committed: () => {},
        breathe: () => Promise.resolve(),
        pause: () => Promise.resolve(),
        get resting() {
          return model.depth === 0
        }
      }
    })
    await reader.run().catch((error: unknown) => {
      if (!(error instanceof Crash) && !(error instanceof TidemarkError)) throw error
      model.back()
    })
  }
  return { named, setAside }
}

function queueOf(unit: TransactionUnit, given: Partial<ReadQueue> = {}): ReadQueue {
  return { name: 'Q', unit, batchMessages: 3, batchMs: 0, backout: { threshold: 0, queue: '' }, ...given }
}

const sizes = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 15 })
const someEnds = fc.array(fc.constantFrom(...unitEnds), { maxLength: 25 })
const limits = fc.integer({ min: 1, max: 9 })

test('groups are named whole, each once, in order, whatever interrupts the units of work', async () => {
  await fc.assert(
    fc.asyncProperty(sizes, someEnds, limits, async (groups, ends, unitMessages) => {
      const model = new QueueModel()
      const expected = groups.map((size, index) => model.putGroup(`g${index}`, size))
      const { named } = await readAll(model, queueOf('group'), ends, unitMessages)
      assert.deepEqual(named, expected)
    })
  )
})

test('messages of one id, put by an application that sets it, are told apart', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 20 }), someEnds, limits, async (count, ends, unitMessages) => {
      const model = new QueueModel()
      const expected: string[] = []
      for (let index = 0; index < count; index++) expected.push(model.put(`m${index}`, { msgId: 'same' }))
      const { named } = await readAll(model, queueOf('message'), ends, unitMessages)
      assert.deepEqual(
        named,
        expected.map(body => [body])
      )
    })
  )
})

test('batches hold every message once, in order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 20 }), someEnds, limits, async (count, ends, unitMessages) => {
      const model = new QueueModel()
      const expected = Array.from({ length: count }, (_, index) => model.put(`m${index}`))
      const { named } = await readAll(model, queueOf('batch'), ends, unitMessages)
      assert.deepEqual(named.flat(), expected)
      assert.ok(named.every(batch => batch.length <= 3))
    })
  )
})

test('with a backout queue every message is either named or set aside, never both, and none is lost', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 12 }), someEnds, limits, async (count, ends, unitMessages) => {
      const model = new QueueModel()
      const expected = Array.from({ length: count }, (_, index) => model.put(`m${index}`))
      const queue = queueOf('message', { backout: { threshold: 2, queue: 'B' } })
      const { named } = await readAll(model, queue, ends, unitMessages)
      assert.deepEqual([...named.flat(), ...model.movedAway].sort(), [...expected].sort())
    })
  )
})

test('a message on its last try is in a unit of its own', async () => {
  const model = new QueueModel()
  for (let index = 0; index < 4; index++) model.put(`m${index}`)
  const units: number[] = []
  const counting: UnitEnd[] = ['crash-before-naming', 'committed', 'committed', 'committed', 'committed']
  const get = model.get.bind(model)
  let inUnit = 0
  model.get = (request: GetRequest): Got => {
    const got = get(request)
    if (got.type === 'message') inUnit++
    return got
  }
  const commit = model.commit.bind(model)
  model.commit = () => {
    units.push(inUnit)
    inUnit = 0
    commit()
  }
  const back = model.back.bind(model)
  model.back = () => {
    inUnit = 0
    back()
  }
  await readAll(model, queueOf('message', { backout: { threshold: 2, queue: 'B' } }), counting, 10)
  assert.deepEqual(units, [1, 1, 1, 1])
})

test('a group is set aside as a whole, also where only some of it was backed out often enough', async () => {
  const model = new QueueModel()
  const bodies = model.putGroup('g', 3)
  // A getter that ended inside the group, twice: its last message was never got.
  for (let time = 0; time < 2; time++) {
    for (let got = 0; got < 2; got++) model.get({ queue: 0, waitMs: 0, groups: true })
    model.back()
  }
  const { named } = await readAll(model, queueOf('group', { backout: { threshold: 2, queue: 'B' } }), [], 10)
  assert.deepEqual([named, model.movedAway], [[], bodies])
})

/** Reads two queues until `done`; every unit is committed. Returns the queues of each unit's messages, and the last position. */
async function readTwo(
  models: readonly [QueueModel, QueueModel],
  given: {
    apart?: boolean
    firstQueue?: number
    limits?: { messages: number; bytes: number }
    restMs?: number
    from?: PositionBytes
    doubtMs?: number
    inhibited?: () => boolean
  },
  done: (gets: number, nowMs: number) => boolean
) {
  const units: number[][] = [[]]
  let position = given.from ?? originPosition
  let gets = 0
  let nowMs = 0
  const reader = new QueueReader(position, {
    queues: [queueOf('message', { restMs: given.restMs ?? 0 }), queueOf('message')],
    apart: given.apart ?? false,
    firstQueue: given.firstQueue ?? 0,
    limits: { messages: 100, bytes: 1e9, ms: 1e9, messagesMax: 1e6, ...given.limits },
    verbs: {
      get: request => {
        gets++
        nowMs++
        if (request.queue === 0 && given.inhibited?.()) return { type: 'none', inhibited: true }
        return models[request.queue]!.get(request)
      },
      setAside: () => 'moved',
      back: () => {},
      commit: () => models.forEach(model => model.commit())
    },
    now: () => nowMs,
    waitMs: 10,
    doubtMs: given.doubtMs ?? 1e9,
    output: {
      message: queue => units.at(-1)!.push(queue),
      transactionEnd: () => {},
      setAside: () => {},
      inhibited: () => {},
      unit: unitPosition => {
        position = unitPosition
        units.push([])
        return Promise.resolve()
      },
      committed: () => {},
      breathe: () => Promise.resolve(),
      pause: ms => {
        nowMs += ms
        return Promise.resolve()
      },
      get resting() {
        return done(gets, nowMs)
      }
    }
  })
  await reader.run()
  return { units: units.filter(queues => queues.length > 0), position }
}

function filled(count: number, prefix = 'm'): QueueModel {
  const model = new QueueModel()
  for (let index = 0; index < count; index++) model.put(`${prefix}${index}`)
  return model
}

test('read apart, queues never share a unit of work, and each has its turn', async () => {
  const models = [filled(3), filled(2)] as const
  const all = () => models.every(({ depth }) => depth === 0)
  assert.deepEqual((await readTwo(models, {}, all)).units, [[0, 0, 0, 1, 1]])
  const other = [filled(3), filled(2)] as const
  const otherDone = () => other.every(({ depth }) => depth === 0)
  assert.deepEqual((await readTwo(other, { apart: true, firstQueue: 1 }, otherDone)).units, [
    [1, 1],
    [0, 0, 0]
  ])
  const again = [filled(3), filled(2)] as const
  const done = () => again.every(({ depth }) => depth === 0)
  assert.deepEqual((await readTwo(again, { apart: true }, done)).units, [
    [0, 0, 0],
    [1, 1]
  ])
})

test('each queue has its share of a unit in bytes and in messages, and the rest of it when the others are empty', async () => {
  const large = 'x'.repeat(100)
  const byBytes = [filled(6, large), filled(10, '')] as const
  const done = (models: readonly QueueModel[]) => () => models.every(({ depth }) => depth === 0)
  const bytes = await readTwo(byBytes, { limits: { messages: 100, bytes: 404 } }, done(byBytes))
  assert.deepEqual(bytes.units, [
    [0, 0, ...Array<number>(10).fill(1), 0, 0],
    [0, 0]
  ])
  const byMessages = [filled(8), filled(3)] as const
  const messages = await readTwo(byMessages, { limits: { messages: 4, bytes: 1e9 } }, done(byMessages))
  assert.deepEqual(messages.units, [
    [0, 0, 1, 1],
    [0, 0, 1, 0],
    [0, 0, 0]
  ])
})

test('with queues that are never empty, none waits longer than for half a unit of the other', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat({ max: 400 }), { minLength: 60, maxLength: 60 }), limits, async (sizes, count) => {
      const models = [new QueueModel(), new QueueModel()] as const
      sizes.forEach((size, index) => models[index % 2]!.put('x'.repeat(size) + index))
      const { units } = await readTwo(models, { limits: { messages: count * 2, bytes: 1_000 } }, () =>
        models.some(({ depth }) => depth < 5)
      )
      const order = units.flat()
      let run = 0
      order.forEach((queue, index) => {
        run = index > 0 && order[index - 1] === queue ? run + 1 : 1
        assert.ok(run <= count, `${run} in a row: ${order.join('')}`)
      })
    }),
    { numRuns: 50 }
  )
})

test('a queue that rests is left alone for its time, while the other is read', async () => {
  const models = [filled(2), filled(2)] as const
  const early = await readTwo(models, { restMs: 500 }, (_, nowMs) => nowMs > 300)
  assert.deepEqual(early.units, [[1, 1]])
  const late = [filled(2), filled(2)] as const
  const whole = await readTwo(late, { restMs: 500 }, () => late.every(({ depth }) => depth === 0))
  assert.deepEqual(whole.units, [
    [1, 1],
    [0, 0]
  ])
})

test('messages in doubt are looked out for while a queue cannot be asked, however long', async () => {
  const model = filled(1)
  const other = new QueueModel()
  // Named and not known to be committed: it may come again.
  const { position } = await readTwo([model, other], {}, () => model.depth === 0)
  const again = filled(1)
  let inhibited = true
  const { units } = await readTwo(
    [again, other],
    { from: position, doubtMs: 1_000, inhibited: () => inhibited },
    (_, nowMs) => {
      if (nowMs > 10_000) inhibited = false
      return again.depth === 0
    }
  )
  assert.deepEqual(units, [], 'it came again, was known, and was dropped')
})
