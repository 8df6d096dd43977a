import type { TransactionUnit } from './message-verbs.ts'

/** How to reach a queue manager. */
export interface MqConnectionOptions {
  queueManager: string
  /** Server-connection channel and `host(port),host(port)`; both absent: bindings, on the queue manager's machine. */
  channel?: string
  name?: string
  /** Of a client channel definition table, in place of both. */
  ccdtUrl?: string
  user?: string
  password?: string
  tls?: {
    cipherSpec: string
    /** Key repository, without its suffix as MQ wants it. */
    keyRepository?: string
    keyRepositoryPassword?: string
    certificateLabel?: string
    peerName?: string
  }
}

/** How a queue is read. */
export interface MqQueueOptions {
  name: string
  unit: TransactionUnit
  batchMessages: number
  batchMs: number
  /** In place of BOTHRESH and BOQNAME; null: the queue's own. */
  backoutThreshold: number | null
  backoutQueue: string | null
  /** Where there is neither: the queue manager's dead-letter queue (DEADQ). Absent: it is not used. */
  deadLetterQueue?: boolean
  /** Whether character data is converted to UTF-8 (MQGMO_CONVERT): what has no format stays as it is. */
  convert: boolean
}

/** Everything the reader's process is told; JSON. */
export interface ReaderOptions {
  connection: MqConnectionOptions
  queues: MqQueueOptions[]
  applicationName: string
  /** The configuration file, beside which `ibmmq` is looked for. */
  besideFile: string
  limits: { messages: number; bytes: number; ms: number; messagesMax: number }
  messageBytesMax: number
  waitMs: number
  doubtMs: number
  /** A unit of work holds messages of one queue only. */
  apart: boolean
  /** Index of the queue that has its turn first. */
  firstQueue: number
  /** Of each queue, how long it is left alone first. */
  restsMs: number[]
}
