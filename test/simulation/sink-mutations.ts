import type { Mutation } from './mutation.ts'

const unitPutter = 'mq-sink/unit-putter.ts'
const session = 'mq-sink/sink-session.ts'
const sink = 'mq-sink/mq-sink.ts'
const group = 'mq-sink/message-group.ts'
const topicFeed = 'mq-sink/topic-feed.ts'

const sinks = ['sink', 'sink-split']

/** What the sink of queues rests on: docs/decisions/0033. */
export const sinkMutations: readonly Mutation[] = [
  {
    name: 'state-after-the-unit',
    rule: '0033 the state is put in the unit of work that puts the messages',
    edits: [
      {
        file: unitPutter,
        from: '    if (!this.isOpen) this.open()\n    this.putState(state)\n    this.commitUnit(state)\n',
        to: '    if (this.isOpen) this.commitUnit(this.state!)\n    this.open()\n    this.putState(state)\n    this.commitUnit(state)\n'
      },
      {
        file: unitPutter,
        from: '    if (!this.isOpen) this.open()\n    const { name, object }',
        to: '    this.isOpen = true\n    const { name, object }'
      }
    ],
    configurations: sinks
  },
  {
    name: 'state-before-the-unit',
    rule: '0033 and not in one before it',
    edits: [
      {
        file: session,
        from: '    this.outstanding.push(unit)\n',
        to: '    this.outstanding.push(unit)\n    this.outstanding.push(unit)\n'
      },
      {
        file: 'mq-sink/putter.ts',
        from: "    if (frame.kind === 'message') this.units!.put(frame.message)\n",
        to: "    if (frame.kind === 'message') this.kept.push(frame.message)\n"
      },
      {
        file: 'mq-sink/putter.ts',
        from: "      this.surroundings.tell({ type: 'committed' })\n",
        to: "      this.surroundings.tell({ type: 'committed' })\n      for (const message of this.kept.splice(0)) this.units!.put(message)\n      this.units!.commit(frame.state.toString())\n      this.surroundings.tell({ type: 'committed' })\n"
      },
      {
        file: 'mq-sink/putter.ts',
        from: '  private ended = false\n',
        to: '  private ended = false\n  private readonly kept: PutMessage[] = []\n'
      }
    ],
    configurations: sinks
  },
  {
    name: 'state-not-got',
    rule: '0033 the state is got before the next one is put',
    edits: [
      {
        file: unitPutter,
        from: '    if (!this.isOpen) this.open()\n    this.putState(state)\n',
        to: '    this.putState(state)\n'
      },
      {
        file: unitPutter,
        from: '    if (!this.isOpen) this.open()\n    const { name, object }',
        to: '    const { name, object }'
      }
    ],
    configurations: sinks
  },
  {
    name: 'disconnected-by-the-sink-without-backing-out',
    rule: '0033 every failure backs out what is open before anything is tried again',
    edits: [
      {
        file: 'capture/mq/mqi-connection.ts',
        from: '    this.mq.Back(this.handle, () => {})\n',
        to: ''
      }
    ],
    configurations: sinks
  },
  {
    name: 'failure-tried-again-in-the-unit',
    rule: '0033 no error is handled within a unit of work',
    edits: [
      {
        file: unitPutter,
        from: '    if (this.failure !== null) throw putError(name, this.failure.mqrc)\n  }\n\n  /** Throws',
        to: '    if (this.failure !== null && !this.isOpen) throw putError(name, this.failure.mqrc)\n  }\n\n  /** Throws'
      }
    ],
    configurations: sinks
  },
  {
    name: 'place-from-memory',
    rule: '0033 the state is read anew at every connection and never taken from memory',
    edits: [
      {
        file: sink,
        from: 'const state = this.stateOf(opened.state)',
        to: 'const state = (this.remembered ??= this.stateOf(opened.state))'
      },
      {
        file: sink,
        from: '  private committedUnits = 0\n',
        to: '  private committedUnits = 0\n  private remembered: SinkState | null = null\n'
      },
      {
        file: sink,
        from: '    this.interruptions = 0\n',
        to: '    this.interruptions = 0\n    this.remembered = { place, part: null }\n'
      }
    ],
    configurations: ['sink']
  },
  {
    name: 'state-queue-shared',
    rule: '0033 the state queue is opened for exclusive input',
    edits: [{ file: unitPutter, from: "MQC['MQOO_INPUT_EXCLUSIVE']!", to: "MQC['MQOO_INPUT_SHARED']!" }],
    configurations: sinks
  },
  {
    name: 'state-queue-shared-and-not-compared',
    rule: '0033 the state that is got is the one last put',
    edits: [
      { file: unitPutter, from: "MQC['MQOO_INPUT_EXCLUSIVE']!", to: "MQC['MQOO_INPUT_SHARED']!" },
      {
        file: unitPutter,
        from: "if (stateBuffer.toString('utf8', 0, length) !== this.state) throw invalidState(this.stateQueue, 'was written to')",
        to: ''
      }
    ],
    rare: true,
    configurations: sinks
  },
  {
    name: 'transaction-over-two-units',
    rule: 'a unit of work holds whole transactions',
    edits: [
      {
        file: session,
        from: 'if (this.unit.messages > 0 && (size === null || this.unit.messages + size > this.messagesMax)) await this.commit()',
        to: ''
      }
    ],
    configurations: sinks
  },
  {
    name: 'unit-closed-inside-a-transaction',
    rule: 'the limits of a unit are looked at between transactions',
    edits: [
      {
        file: session,
        from: '    if (this.unit.messages >= this.messagesMax) await this.split(transaction, message)\n',
        to: '    if (this.unit.messages >= this.parts.rules.messages) await this.commit()\n'
      },
      { file: session, from: "    if (this.parts.rules.large === 'stop') throw this.tooLarge(name)\n", to: '' }
    ],
    configurations: ['sink']
  },
  {
    name: 'large-transaction-split-unasked',
    rule: 'a transaction above MAXUMSGS stops the sink before any of it is put',
    edits: [{ file: session, from: "    if (this.parts.rules.large === 'stop') throw this.tooLarge(name)\n", to: '' }],
    configurations: ['sink']
  },
  {
    name: 'state-not-counted',
    rule: '0033 the state is two messages of the unit of work',
    edits: [{ file: session, from: 'const stateMessages = 2', to: 'const stateMessages = 1' }],
    rare: true,
    configurations: ['sink-split']
  },
  {
    name: 'place-after-a-part-is-the-end',
    rule: '0033 between the parts of a transaction the state holds a place inside it',
    edits: [{ file: session, from: 'transaction.placeAfter(this.covered)', to: 'transaction.placeAfter(null)' }],
    configurations: ['sink-split']
  },
  {
    name: 'message-held-back-is-covered',
    rule: '0033 a message of a group that is held back is not behind the place',
    edits: [
      {
        file: session,
        from: 'this.covered = this.group === null ? record : this.previous',
        to: 'this.covered = record'
      }
    ],
    rare: true,
    configurations: ['sink-split']
  },
  {
    name: 'number-in-the-group-not-kept',
    rule: '0033 the next number of the group is in the state',
    edits: [
      {
        file: session,
        from: 'if (this.group !== null) this.part = this.partBefore(transaction.name, next, this.group)',
        to: ''
      }
    ],
    rare: true,
    configurations: ['sink-split']
  },
  {
    name: 'group-id-of-the-connection',
    rule: "a group's id is the same whenever its transaction comes again",
    edits: [
      {
        file: session,
        from: 'groupIdOf(namespace, name)',
        to: 'groupIdOf(namespace, name + JSON.stringify(this.parts.state.place))'
      }
    ],
    rare: true,
    configurations: ['sink-split']
  },
  {
    name: 'last-of-the-group-guessed',
    rule: 'one message of a group is held back until it is known whether it is the last',
    edits: [
      {
        file: group,
        from: 'return before === undefined ? null : this.placed(before, inGroup)',
        to: 'return before === undefined ? null : this.placed(before, inGroup | lastInGroup)'
      }
    ],
    rare: true,
    configurations: sinks
  },
  {
    name: 'records-of-a-batch-counted-as-put',
    rule: 'the place after a part of plain records is after the last one put',
    edits: [
      {
        file: topicFeed,
        from: 'return { offsets: { ...this.before, [topic]: this.before[topic]!.with(partition, offset + 1) } }',
        to: 'return { offsets: { ...this.after, [topic]: this.after[topic]!.with(partition, offset + 2) } }'
      }
    ],
    rare: true,
    configurations: ['sink-topic']
  },
  {
    name: 'offsets-of-the-reader',
    rule: 'the place after plain records is of what was put, not of what was fetched',
    edits: [
      {
        file: topicFeed,
        from: 'Object.fromEntries([...this.offsets].map(([topic, offsets]) => [topic, [...offsets]]))',
        to: 'Object.fromEntries(this.offsets)'
      }
    ],
    configurations: ['sink-topic']
  },
  {
    name: 'added-partitions-unseen',
    rule: 'partitions made later begin at their first record',
    edits: [{ file: topicFeed, from: 'while (offsets.length < partitions) offsets.push(0)', to: '' }],
    rare: true,
    configurations: ['sink-topic']
  }
]
