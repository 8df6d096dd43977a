import assert from 'node:assert/strict'
import { availableParallelism } from 'node:os'
import test from 'node:test'
import { runTasks, type Report, type Task } from './campaign.ts'
import { configurationNamed, configurations } from './configuration.ts'
import { validEntries } from './committed.ts'
import { captureMutations } from './capture-mutations.ts'
import { queueMutations } from './queue-mutations.ts'
import { readerMutations } from './reader-mutations.ts'
import { commandFor, tell } from './repetition.ts'
import { runSchedule } from './schedule.ts'
import { sinkMutations } from './sink-mutations.ts'
import { trimMutations } from './trim-mutations.ts'

// The short form of `npm run simulate`: enough to notice that a rule has been lost.
const schedulesEach = 70
const huntSchedulesMax = 1_500

async function reportsOf(tasks: Task[]): Promise<Report[]> {
  const reports: Report[] = []
  await runTasks(tasks, Math.min(2, availableParallelism()), report => reports.push(report))
  return reports
}

test('no schedule loses, doubles, disorders or invents a transaction', async () => {
  const reports = await reportsOf(
    configurations.map(({ name }) => ({ type: 'stretch', configuration: name, first: 1, count: schedulesEach }))
  )
  const failures = reports.flatMap(({ failures }) => failures)
  const told = failures.map(({ configuration, seed, failure }) => {
    return `${configuration}: ${failure}\n    ${commandFor(seed, configurationNamed(configuration))}`
  })
  assert.deepEqual([...told, ...reports.flatMap(({ broken }) => broken ?? [])], [])
  const handedOver = reports.reduce((sum, { counters }) => sum + (counters['handedOverEarly'] ?? 0), 0)
  assert.ok(handedOver > schedulesEach * configurations.length, 'adversity must not keep everything from happening')
})

for (const { what, rules } of [
  { what: 'of the specification', rules: [...captureMutations, ...readerMutations, ...trimMutations] },
  { what: 'for queues', rules: [...queueMutations, ...sinkMutations] }
]) {
  test(`each rule ${what} that is taken out is found`, async () => {
    const tasks = rules
      .filter(({ rare }) => rare !== true)
      .map(({ name }): Task => ({ type: 'hunt', mutation: name, first: 1, schedulesMax: huntSchedulesMax }))
    const missed = (await reportsOf(tasks))
      .filter(({ failures }) => failures.length === 0)
      .map(({ task, broken }) => `${task.type === 'hunt' ? task.mutation : ''}: ${broken ?? 'not found'}`)
    assert.deepEqual(missed, [])
  })
}

test('a seed repeats its schedule to the last event', async () => {
  const configuration = configurationNamed('all')
  const texts = [await tell(7, configuration), await tell(7, configuration)]
  assert.equal(texts[0], texts[1])
})

test('the oracle sees what it is there to see', async () => {
  const { world } = await runSchedule(3, configurationNamed('plain'))
  assert.ok(validEntries(world).length > 0)
})
