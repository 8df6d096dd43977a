import type { Source } from '../../capture/source.ts'
import type { Host } from './host.ts'
import { queueSource } from './queue-source.ts'
import { QueueManager } from './simulated-queues.ts'
import { SourceDatabase, type SourceSystem } from './source-database.ts'
import { SimulatedSource } from './source-port.ts'

/** A system as one process sees it. */
export function sourceFor(host: Host, system: SourceSystem): Source {
  if (system instanceof QueueManager) return queueSource(host, system)
  if (system instanceof SourceDatabase) return new SimulatedSource(host, system)
  throw new TypeError(`${system.system} is no kind of system that the simulation has`)
}
