import { applyConfiguration } from '../../capture/commands/apply.ts'
import { readConfiguration } from '../../capture/config/configuration-file.ts'
import { Stopwatch, tell } from '../measured.ts'

/** Publication, topics, slot and genesis of a configuration. */
const read = readConfiguration(process.argv[2]!, process.env)
if (!('configuration' in read)) throw read.faults[0]!
const watch = new Stopwatch()
watch.begin()
await applyConfiguration(read.configuration, text => process.stderr.write(`${text}\n`))
tell(watch.end(1))
