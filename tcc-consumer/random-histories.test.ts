import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseBookmark } from '@tidemark/schemas/bookmark.ts'
import { mirrored, mirrorNames } from './testing/mirror.ts'
import { endingConsumer, readAll } from './testing/read-all.ts'
import {
  ScriptedStream,
  state,
  type ScriptedOwner,
  type Target,
  type WrittenTransaction
} from './testing/scripted-stream.ts'

type Step =
  | { do: 'claim' }
  | { do: 'losing claim' }
  | { do: 'send'; owner: number; targets: Target[] }
  | { do: 'commit'; owner: number; most: number }
  | { do: 'state'; owner: number }
  | { do: 'foreign'; partition: number }

const target = fc.constantFrom<Target>('accounts/0', 'accounts/1', 'transfers/0')
/** 0 is the owner, others are those it superseded. */
const owner = fc.constantFrom(0, 0, 0, 1, 2)
const targets = fc.array(target, { minLength: 1, maxLength: 7 })

const steps = fc.array(
  fc.oneof(
    { weight: 1, arbitrary: fc.constant<Step>({ do: 'claim' }) },
    { weight: 1, arbitrary: fc.constant<Step>({ do: 'losing claim' }) },
    { weight: 8, arbitrary: fc.record({ do: fc.constant('send' as const), owner, targets }) },
    {
      weight: 6,
      arbitrary: fc.record({ do: fc.constant('commit' as const), owner, most: fc.integer({ min: 1, max: 4 }) })
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('state' as const), owner }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('foreign' as const), partition: fc.nat({ max: 1 }) }) }
  ),
  { minLength: 10, maxLength: 80, size: 'max' }
)

interface Agent {
  owner: ScriptedOwner
  next: number
  sent: WrittenTransaction[]
}

/** Agents that follow the writing rules each for itself, alive or superseded; and what a reader must hand over. */
class History {
  readonly script = new ScriptedStream()
  readonly valid: WrittenTransaction[] = []
  private readonly agents: Agent[] = []

  constructor(steps: readonly Step[]) {
    this.script.genesis()
    this.claim()
    for (const step of steps) this.take(step)
  }

  get lastSequence(): number {
    return this.valid.length
  }

  private take(step: Step): void {
    switch (step.do) {
      case 'claim':
        return this.claim()
      case 'losing claim':
        this.script.claim(this.agents.length - 1, this.lastSequence)
        return
      case 'foreign':
        this.script.log.append('accounts', step.partition, [{ value: Buffer.from('user') }])
        return
      default:
        return this.act(step)
    }
  }

  private claim(): void {
    const owner = this.script.claim(this.agents.length + 1, this.lastSequence)
    this.agents.push({ owner, next: this.lastSequence + 1, sent: [] })
  }

  private act(step: Extract<Step, { owner: number }>): void {
    const back = Math.min(step.owner, this.agents.length - 1)
    const agent = this.agents[this.agents.length - 1 - back]!
    switch (step.do) {
      case 'send':
        agent.sent.push(agent.owner.data(agent.next++, step.targets))
        return
      case 'commit':
        return this.commit(agent, step.most, back === 0)
      case 'state':
        agent.owner.commit(state(agent.next - 1 - agent.sent.length))
    }
  }

  private commit(agent: Agent, most: number, isCurrent: boolean): void {
    const entries = agent.sent.splice(0, most)
    if (entries.length === 0) return
    agent.owner.commit(...entries)
    if (isCurrent) this.valid.push(...entries)
  }
}

const runs = { numRuns: 120 }
const limits = fc.record({
  bufferBytes: fc.constantFrom(65_536, 1 << 25),
  wholeUpToBytes: fc.constantFrom(0, 150, 1 << 24)
})

test('whatever the owners did, a reader gets the valid transactions, whole, in order, each once', async () => {
  await fc.assert(
    fc.asyncProperty(steps, limits, async (steps, limits) => {
      const { script, valid } = new History(steps)
      const { values, transactions, error } = await readAll(script.log, limits)
      assert.equal(error, null)
      assert.deepEqual(
        transactions.map(({ epoch, sequence }) => [epoch, sequence]),
        valid.map(({ epoch, sequence }) => [epoch, sequence])
      )
      assert.deepEqual(
        values,
        valid.map(written => written.values)
      )
    }),
    runs
  )
})

test('whatever the owners did, each bookmark leads to the same continuation', async () => {
  await fc.assert(
    fc.asyncProperty(steps, limits, async (steps, limits) => {
      const { script, valid } = new History(steps)
      const { transactions } = await readAll(script.log)
      for (const [index, transaction] of transactions.entries()) {
        const after = valid.slice(index + 1).map(written => written.values)
        const reading = await readAll(script.log, { ...limits, from: transaction.bookmark })
        assert.deepEqual([reading.error, reading.values], [null, after])
        const record = transaction.records[transaction.records.length >> 1]!
        const inside = await readAll(script.log, { ...limits, from: transaction.bookmarkAfter(record) })
        const rest = valid[index]!.values.slice(record.index + 1)
        assert.deepEqual([inside.error, inside.values], [null, rest.length > 0 ? [rest, ...after] : after])
      }
    }),
    { numRuns: 25 }
  )
})

test('whatever the owners did, a reader of some topics gets their part of it', async () => {
  await fc.assert(
    fc.asyncProperty(steps, limits, async (steps, limits) => {
      const { script, valid } = new History(steps)
      const { values, error } = await readAll(script.log, { ...limits, topics: ['accounts'] })
      const wanted = valid.map(({ values, targets }) =>
        values.filter((_, index) => targets[index]!.startsWith('accounts'))
      )
      assert.deepEqual([error, values], [null, wanted.filter(values => values.length > 0)])
    }),
    runs
  )
})

test('whatever the owners did, a mirror that goes back gives the same', async () => {
  await fc.assert(
    fc.asyncProperty(steps, fc.nat({ max: 5 }), fc.nat({ max: 3 }), async (steps, twice, shift) => {
      const { script, valid } = new History(steps)
      const { values, error } = await readAll(mirrored(script, { twice, shift }), { topicNames: mirrorNames })
      assert.deepEqual([error, values], [null, valid.map(written => written.values)])
    }),
    runs
  )
})

test('whatever the owners did, latest stands behind the last valid transaction', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async steps => {
      const history = new History(steps)
      const consumer = endingConsumer(history.script.log, { from: 'latest' })
      const bookmark = (await consumer.bookmark())!
      await consumer.close()
      assert.equal(parseBookmark(bookmark).sequence, history.lastSequence)
      assert.deepEqual((await readAll(history.script.log, { from: bookmark })).values, [])
    }),
    runs
  )
})
