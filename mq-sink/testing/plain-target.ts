import type { QueueTarget } from '../queue-target.ts'

/** A queue that takes all there is, with every option as it is by default. */
export const plainTarget: Omit<QueueTarget, 'name'> = {
  topics: null,
  format: 'string',
  headers: 'all',
  correlId: 'key',
  persistence: 'persistent',
  priority: null,
  expiryMs: null,
  replyToQueue: '',
  replyToQueueManager: '',
  messageType: null,
  tombstones: 'put',
  properties: new Map()
}
