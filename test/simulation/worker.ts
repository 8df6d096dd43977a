import { alive, type FoundFailure, type Hunt, type Report, type Stretch, type Task } from './campaign.ts'
import { configurationNamed, type Configuration } from './configuration.ts'
import { loadMutated } from './mutated-modules.ts'
import { mutationNamed } from './mutations.ts'
import { judge } from './oracle.ts'
import { runSchedule } from './schedule.ts'

// A worker of the campaign: one task at a time, one report each.
process.on('message', task => {
  void answer(task as Task)
})

async function answer(task: Task): Promise<void> {
  const report: Report = { task, schedules: 0, failures: [], counters: {}, broken: null }
  try {
    if (task.type === 'stretch') await runStretch(task, report)
    else await hunt(task, report)
  } catch (error) {
    report.broken = error instanceof Error ? (error.stack ?? error.message) : String(error)
  }
  process.send?.(report)
}

async function runStretch({ configuration: name, first, count }: Stretch, report: Report): Promise<void> {
  const configuration = configurationNamed(name)
  for (let seed = first; seed < first + count; seed++) {
    const outcome = await runSchedule(seed, configuration)
    report.failures.push(...failuresOf(judge(outcome), name, seed))
    report.schedules++
    process.send?.(alive)
    for (const [counter, value] of Object.entries(outcome.world.counters)) {
      report.counters[counter] = (report.counters[counter] ?? 0) + value
    }
  }
}

/** Tries seed after seed in the mutation's configurations until one fails that does not fail without the mutation. */
async function hunt({ mutation: name, first, schedulesMax }: Hunt, report: Report): Promise<void> {
  const mutation = mutationNamed(name)
  const mutated = await loadMutated(mutation)
  const configurations = mutation.configurations.map(configurationNamed)
  while (report.schedules < schedulesMax && report.failures.length === 0) {
    const configuration = configurations[report.schedules % configurations.length]!
    const seed = first + Math.floor(report.schedules / configurations.length)
    report.schedules++
    const failures = mutated.judge(await mutated.runSchedule(seed, configuration))
    process.send?.(alive)
    if (failures.size > 0 && (await isSound(seed, configuration))) {
      report.failures.push(...failuresOf(failures, configuration.name, seed))
    }
  }
}

async function isSound(seed: number, configuration: Configuration): Promise<boolean> {
  return judge(await runSchedule(seed, configuration)).size === 0
}

function failuresOf(failures: ReadonlySet<string>, configuration: string, seed: number): FoundFailure[] {
  return [...failures].map(failure => ({ configuration, seed, failure }))
}
