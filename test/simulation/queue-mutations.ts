import type { Edit, Mutation } from './mutation.ts'

const delivery = 'capture/delivery/delivery.ts'
const identity = 'capture/mq/message-identity.ts'
const ledger = 'capture/mq/unit-ledger.ts'
const connection = 'capture/mq/mq-connection.ts'
const ownWrites = 'capture/ownership/own-writes.ts'
const queueReader = 'capture/mq/queue-reader.ts'
const readerProcess = 'test/simulation/queue-reader-process.ts'

const queues = ['queues', 'queues-grow']
const batches = ['queues-batch']

/** Messages dropped because they were named are not in the next position. */
const droppedLeftOut: Edit = {
  file: ledger,
  from: "    else this.doubtful.set(key, times - 1)\n    return 'named'",
  to: "    else this.doubtful.set(key, times - 1)\n    this.got.pop()\n    return 'named'"
}
/** What the position names is taken for new. */
const positionUnread: Edit = { file: ledger, from: "return 'named'", to: "return 'new'" }

/** Section 5.6 of the specification, and what docs/decisions/0020 makes of it. */
export const queueMutations: readonly Mutation[] = [
  {
    name: 'dropped-messages-not-in-position',
    rule: '5.6 a position names every message got in the unit of work, dropped ones included',
    edits: [droppedLeftOut],
    rare: true,
    configurations: ['queues', 'queues-all']
  },
  {
    name: 'older-messages-not-in-position',
    rule: '5.6 and older ones not yet known to be committed',
    edits: [{ file: ledger, from: 'Buffer.concat([...older, ...this.got])', to: 'Buffer.concat(this.got)' }],
    rare: true,
    configurations: ['queues-late']
  },
  {
    name: 'position-not-read',
    rule: '5.6 messages that the last State names are dropped when they come again',
    edits: [positionUnread],
    configurations: queues
  },
  {
    name: 'state-does-not-repeat-ids',
    rule: '5.6 State entries repeat the ids',
    edits: [
      {
        file: 'capture/tenure.ts',
        from: '    this.nameState(this.passed)\n  }\n\n  schema',
        to: '    this.nameState(this.passed.subarray(0, 9))\n  }\n\n  schema'
      }
    ],
    configurations: queues
  },
  {
    name: 'unit-cut-between-appends',
    rule: '0020 the transactions of a unit and its State go into one append',
    edits: [
      { file: delivery, from: 'while (count > 0 && !endsUnit(this.named[count - 1])) count--', to: '' },
      { file: delivery, from: 'const factsPerAppendMax = 4_096', to: 'const factsPerAppendMax = 1' },
      {
        file: delivery,
        from: '(!isFull(packer, count) || !endsUnit(this.named[count - 1]))',
        to: '!isFull(packer, count)'
      }
    ],
    configurations: queues
  },
  {
    name: 'committed-before-named',
    rule: '4.3 the unit of work is committed after its State is stored',
    edits: [
      {
        file: queueReader,
        from: '    await output.unit(this.ledger.end())\n    verbs.commit()\n',
        to: '    verbs.commit()\n    await output.unit(this.ledger.end())\n'
      }
    ],
    configurations: queues
  },
  {
    name: 'leave-to-commit-unasked',
    rule: '4.4 and given for the open unit alone',
    edits: [
      {
        file: connection,
        from: 'if (this.pending === null || Buffer.compare(this.pending, position) !== 0) return',
        to: ''
      }
    ],
    configurations: queues
  },
  {
    name: 'unit-committed-though-superseded',
    rule: '4.4 the source is told only when the commit record is known valid',
    edits: [{ file: ownWrites, from: 'if (base > this.next) await this.readBetween(base)', to: '' }],
    configurations: queues
  },
  {
    name: 'identity-is-the-message-id',
    rule: '0020 an application may set one MsgId for several messages',
    edits: [
      {
        file: identity,
        from: 'Buffer.concat([msgId, correlId, groupId, Buffer.from(place), body])',
        to: 'Buffer.concat([msgId, correlId, groupId, Buffer.from(place), body]).subarray(0, 24)'
      }
    ],
    configurations: queues
  },
  {
    name: 'set-aside-messages-in-position',
    rule: '0020 a message that is set aside is not in the list',
    edits: [{ file: queueReader, from: '      this.ledger.setAside()\n', to: '' }],
    rare: true,
    configurations: queues
  },
  {
    name: 'group-set-aside-in-part',
    rule: 'a group is set aside as a whole',
    edits: [
      {
        file: queueReader,
        from: 'if (this.take(queue, next, !begun, verdict)) begun = true',
        to: 'if (this.take(queue, next, !begun)) begun = true'
      }
    ],
    rare: true,
    configurations: queues
  },
  {
    name: 'doubts-forgotten-at-once',
    rule: '0020 ids are carried until a queue manager must have noticed that a getter is gone',
    edits: [{ file: queueReader, from: 'now() - this.begunMs >= doubtMs', to: 'doubtMs > 0' }],
    configurations: ['queues-late']
  },
  {
    name: 'disconnected-without-backing-out',
    rule: 'MQDISC commits: MQBACK comes first',
    edits: [
      {
        file: readerProcess,
        from: 'if (!this.connection.lost) this.manager.back(this.connection)',
        to: ''
      }
    ],
    configurations: queues
  },
  {
    name: 'poison-message-never-set-aside',
    rule: 'a message that fails is set aside when BOTHRESH is reached',
    edits: [
      { file: 'capture/mq/backout-policy.ts', from: 'if (backoutCount >= threshold)', to: 'if (backoutCount < 0)' }
    ],
    configurations: queues
  },
  {
    name: 'batch-above-its-limit',
    rule: 'a batch has no more than batchMessages messages',
    edits: [{ file: queueReader, from: 'count < batchMessages && ', to: '' }],
    configurations: batches
  },
  {
    name: 'batch-begun-by-a-dropped-message',
    rule: 'a batch begins with the first message that is handed over',
    edits: [
      {
        file: queueReader,
        from: "if (next !== 'none' && this.take(queue, next, count === 0)) count++",
        to: "if (next !== 'none' && this.take(queue, next, false)) count++"
      }
    ],
    configurations: batches
  },
  {
    name: 'position-of-batches-not-read',
    rule: '5.6 of batches too: messages that the last State names are dropped when they come again',
    edits: [positionUnread],
    configurations: batches
  },
  {
    name: 'dropped-messages-of-batches-not-in-position',
    rule: '5.6 a position names every message got in the unit of work, dropped ones included',
    edits: [droppedLeftOut],
    rare: true,
    configurations: batches
  }
]
