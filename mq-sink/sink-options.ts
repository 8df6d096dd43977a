import type { MqConnectionOptions } from '@tidemark/capture/mq/connection-options.ts'

/** What the process that puts is told; JSON. */
export interface PutterOptions {
  connection: MqConnectionOptions
  stateQueue: string
  /** By index, as messages name them. */
  queues: readonly string[]
  applicationName: string
  /** The configuration file, beside which `ibmmq` is looked for. */
  besideFile: string
}
