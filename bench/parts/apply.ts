import { applyConfiguration } from '../../capture/commands/apply.ts'
import { readConfiguration } from '../../capture/config/configuration-file.ts'
import { tell } from '../measured.ts'

/** Publication, topics, slot and genesis of a configuration. */
const read = readConfiguration(process.argv[2]!, process.env)
if (!('configuration' in read)) throw read.faults[0]!
const began = performance.now()
await applyConfiguration(read.configuration, text => process.stderr.write(`${text}\n`))
tell(1, (performance.now() - began) / 1000)
