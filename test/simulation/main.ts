import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { runTasks, type Task } from './campaign.ts'
import { configurations, type Configuration } from './configuration.ts'
import { mutations } from './mutations.ts'
import { tell } from './repetition.ts'
import { Tally } from './tally.ts'

const usage = `npm run simulate -- [options]
  --schedules N      how many schedules, shared among the configurations (default 10000)
  --seed N           the first seed of each configuration (default 1)
  --config NAMES     only these, by comma: ${configurations.map(({ name }) => name).join(', ')}
  --mutations        take out one rule after another: each must be found within N schedules (default 3000)
  --mutation NAMES   only these, by comma
  --trace            print what happens in the first schedule
  --processes N      worker processes (default: one for each processor)
`
const stretchSchedules = 250

process.exitCode = await main()

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      schedules: { type: 'string' },
      seed: { type: 'string', default: '1' },
      config: { type: 'string' },
      mutations: { type: 'boolean', default: false },
      mutation: { type: 'string' },
      trace: { type: 'boolean', default: false },
      processes: { type: 'string', default: String(availableParallelism()) },
      help: { type: 'boolean', default: false }
    }
  })
  const chosen = configurations.filter(({ name }) => values.config?.split(',').includes(name) ?? true)
  const [schedules, seed, processes] = [values.schedules ?? '', values.seed, values.processes].map(Number)
  if (values.help || chosen.length === 0 || [schedules, seed, processes].some(Number.isNaN)) {
    process.stderr.write(usage)
    return values.help ? 0 : 2
  }
  if (values.trace) return traceOne(seed!, chosen[0]!)
  if (values.mutations || values.mutation !== undefined) {
    const names = values.mutation?.split(',') ?? mutations.map(({ name }) => name)
    return huntMutations(names, seed!, schedules! || 3_000, processes!)
  }
  return runSchedules(chosen, seed!, schedules! || 10_000, processes!)
}

async function traceOne(seed: number, configuration: Configuration): Promise<number> {
  process.stdout.write(`${await tell(seed, configuration)}\n`)
  return 0
}

async function runSchedules(
  chosen: readonly Configuration[],
  seed: number,
  schedules: number,
  processes: number
): Promise<number> {
  const each = Math.ceil(schedules / chosen.length)
  const tasks = chosen.flatMap(configuration => stretches(configuration.name, seed, each))
  const tally = new Tally(each * chosen.length)
  await runTasks(tasks, processes, report => tally.add(report))
  process.stdout.write(tally.summary())
  for (const [failure, { configuration, seed: failing }] of [...tally.first].slice(0, 3)) {
    const found = configurations.find(({ name }) => name === configuration)!
    process.stdout.write(`\n${failure}\n${await tell(failing, found)}\n`)
  }
  return tally.isClean ? 0 : 1
}

function stretches(configuration: string, first: number, schedules: number): Task[] {
  const tasks: Task[] = []
  for (let done = 0; done < schedules; done += stretchSchedules) {
    const count = Math.min(stretchSchedules, schedules - done)
    tasks.push({ type: 'stretch', configuration, first: first + done, count })
  }
  return tasks
}

async function huntMutations(names: string[], first: number, schedulesMax: number, processes: number): Promise<number> {
  const tasks = names.map((mutation): Task => ({ type: 'hunt', mutation, first, schedulesMax }))
  let missed = 0
  await runTasks(tasks, processes, ({ task, schedules, failures, broken }) => {
    const [found] = failures
    if (found === undefined) missed++
    const name = task.type === 'hunt' ? task.mutation.padEnd(44) : ''
    const how = found && `found after ${schedules}: ${found.failure} (${found.configuration}, seed ${found.seed})`
    process.stdout.write(`${name} ${how ?? broken ?? `NOT FOUND in ${schedules} schedules`}\n`)
  })
  process.stdout.write(missed === 0 ? 'every rule taken out was found\n' : `${missed} not found\n`)
  return missed === 0 ? 0 : 1
}
