import { openSubscription } from '../../capture/subscription.ts'
import { readConfiguration } from '../../capture/config/configuration-file.ts'
import { keepObjectsYoung } from '../../capture/young-objects.ts'
import { Stopwatch, tell, type Measured } from '../measured.ts'

/** The agent, from its start until it has settled so many transactions. */
keepObjectsYoung()
const [config, expected, rows] = process.argv.slice(2) as [string, string, string]
const read = readConfiguration(config, process.env)
if (!('configuration' in read)) throw read.faults[0]!
const stop = new AbortController()
let settled = 0
const watch = new Stopwatch()
let measured: Measured | null = null
const subscription = await openSubscription({
  configuration: read.configuration,
  agent: 'bench',
  onEvent: event => {
    if (event.type === 'owner') watch.begin()
    if (event.type === 'settled') settled += event.transactions
    if (event.type === 'interrupted') throw event.error
    if (settled < Number(expected) || measured !== null) return
    measured = watch.end(Number(rows))
    stop.abort()
  }
})
await subscription.run(stop.signal)
if (measured !== null) tell(measured)
await subscription.close()
process.exit(0)
