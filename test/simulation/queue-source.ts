import { MqSource } from '../../capture/mq/mq-source.ts'
import type { Host } from './host.ts'
import { doubtMs, type QueueManager } from './simulated-queues.ts'
import { SimulatedReader } from './queue-reader-process.ts'

/** The product's own source, whose reader's process is simulated. */
export function queueSource(host: Host, manager: QueueManager): MqSource {
  const { chance } = host.world
  return new MqSource({
    connection: { queueManager: manager.system },
    queues: manager.queues.map(name => ({
      name,
      unit: host.world.configuration.unit,
      batchMessages: manager.batch.messages,
      batchMs: manager.batch.ms,
      backoutThreshold: null,
      backoutQueue: null,
      convert: true
    })),
    applicationName: 'simulation',
    besideFile: '',
    environment: {},
    unitOfWork: { messages: chance.of([1, 3, 10, 1_000]), bytes: 1_000_000, ms: chance.of([10, 1_000]) },
    unitMsMax: 3_000,
    messageBytesMax: 1_000_000,
    retryMs: 500,
    doubtMs,
    now: () => host.world.timeMs,
    after: host.after,
    onEvent: event => host.world.note(() => `${host.name}: ${JSON.stringify(event)}`),
    startReader: () => new SimulatedReader(host, manager)
  })
}
