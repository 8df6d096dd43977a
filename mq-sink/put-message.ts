/** A message to be put: what of its descriptor the sink sets, and its bytes. Identifiers are 24 bytes. */
export interface PutMessage {
  /** Index of the queue. */
  queue: number
  /** MQPER_NOT_PERSISTENT 0, MQPER_PERSISTENT 1, MQPER_PERSISTENCE_AS_Q_DEF 2. */
  persistence: number
  /** MQPRI_PRIORITY_AS_Q_DEF -1. */
  priority: number
  /** Tenths of a second; -1 without limit. */
  expiry: number
  /** MQMT_REQUEST 1, MQMT_REPLY 2, MQMT_REPORT 4, MQMT_DATAGRAM 8. */
  type: number
  feedback: number
  ccsid: number
  encoding: number
  /** MQMF_MSG_IN_GROUP 8, MQMF_LAST_MSG_IN_GROUP 16. */
  flags: number
  /** In its group, from 1. */
  sequence: number
  correlId: Buffer
  groupId: Buffer
  format: string
  replyToQueue: string
  replyToQueueManager: string
  /** An MQRFH2 where `format` says so, then the content. */
  body: readonly Buffer[]
}

export const idBytes = 24
export const noId = Buffer.alloc(idBytes)
export const inGroup = 8
export const lastInGroup = 16
