import { openSubscription } from '../../capture/subscription.ts'
import { readConfiguration } from '../../capture/config/configuration-file.ts'
import { tell } from '../measured.ts'

/** The agent, from its start until it has settled so many transactions. */
const [config, expected, rows] = process.argv.slice(2) as [string, string, string]
const read = readConfiguration(config, process.env)
if (!('configuration' in read)) throw read.faults[0]!
const stop = new AbortController()
let settled = 0
let began = 0
let ended = 0
const subscription = await openSubscription({
  configuration: read.configuration,
  agent: 'bench',
  onEvent: event => {
    if (event.type === 'owner') began = performance.now()
    if (event.type === 'settled') settled += event.transactions
    if (event.type === 'interrupted') throw event.error
    if (settled < Number(expected) || ended > 0) return
    ended = performance.now()
    stop.abort()
  }
})
await subscription.run(stop.signal)
tell(Number(rows), (ended - began) / 1000)
await subscription.close()
process.exit(0)
