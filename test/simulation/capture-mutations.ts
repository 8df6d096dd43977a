import type { Edit, Mutation } from './mutation.ts'

const agent = 'capture/agent.ts'
const delivery = 'capture/delivery/delivery.ts'
const packer = 'capture/delivery/commits-packer.ts'
const writer = 'capture/delivery/transaction-writer.ts'
const ownWrites = 'capture/ownership/own-writes.ts'
const streamState = 'capture/ownership/stream-state.ts'
const takeOver = 'capture/ownership/take-over.ts'
const tenure = 'capture/tenure.ts'
const session = 'kafka/producer-session.ts'
const sourcePort = 'test/simulation/source-port.ts'

const everyday = ['plain', 'grow']

/** Delivering settles even though the claim was lost to another. */
const settleUnverified: Edit = { file: ownWrites, from: 'if (base > this.next) await this.readBetween(base)', to: '' }

/** Sections 4 and 5 of the specification: writing and taking over. */
export const captureMutations: readonly Mutation[] = [
  {
    name: 'sequence-not-dense',
    rule: '4.1 the sequence rises by exactly 1',
    edits: [{ file: writer, from: 'this.sequence++', to: 'this.sequence += this.sequence % 3 === 2 ? 2 : 1' }],
    configurations: everyday
  },
  {
    name: 'refused-partition-counts-as-stored',
    rule: '4.2 the answer of every partition is looked at',
    edits: [
      {
        file: session,
        from: "      case 'again':\n",
        to: "      case 'again':\n        this.stored(lane, pending, lane.lastOffset + 1)\n        return true\n"
      }
    ],
    configurations: everyday
  },
  {
    name: 'not-idempotent',
    rule: '4.2 idempotently: no later record of a partition before an earlier one',
    edits: [
      {
        file: session,
        from: 'producerId: this.producerId,\n      producerEpoch: this.producerEpoch,',
        to: 'producerId: -1n,\n      producerEpoch: -1,'
      }
    ],
    configurations: everyday
  },
  {
    name: 'entry-before-data',
    rule: '4.3 an entry is written after all its records are acknowledged',
    edits: [
      {
        file: delivery,
        from: 'if (batches.length > 0) await this.produce(batches)',
        to: 'this.produce(batches).catch(error => this.fail(error))'
      },
      {
        file: packer,
        from: 'firstBatch.baseOffset + firstIndex',
        to: 'Math.max(0, firstBatch.baseOffset + firstIndex)'
      }
    ],
    configurations: everyday
  },
  {
    name: 'settle-before-entry',
    rule: '4.4 the source is told after the commit record is stored',
    edits: [
      {
        file: delivery,
        from: 'const base = await writer.append(',
        to: 'this.options.onSettled(facts[facts.length - 1]!.position, 0)\n    const base = await writer.append('
      }
    ],
    configurations: everyday
  },
  {
    name: 'settle-on-acknowledgement',
    rule: '4.4 the source is told only when the commit record is known valid',
    edits: [settleUnverified],
    configurations: everyday
  },
  {
    name: 'lower-offset-accepted',
    rule: '4.4 an answer below the expected offset means a truncated log',
    edits: [
      { file: ownWrites, from: 'if (base < this.next) {', to: 'if (base < 0) {' },
      { file: session, from: 'if (offset <= lane.lastOffset) {', to: 'if (offset < 0) {' }
    ],
    rare: true,
    configurations: ['truncate-commits']
  },
  {
    name: 'no-claim-after-reconnect',
    rule: '4.5 every new connection to the source is followed by a new claim',
    edits: [
      {
        file: agent,
        from: 'private interruptions = 0',
        to: 'private interruptions = 0\n  private kept: Ownership | null = null'
      },
      {
        file: agent,
        from: 'const ownership = await this.claim(connection, session.signal)',
        to: 'const ownership = (this.kept ??= await this.claim(connection, session.signal))'
      },
      {
        file: agent,
        from: '      session.abort()\n',
        to: '      if (this.kept?.session.failure !== null) this.kept = null\n'
      },
      {
        file: agent,
        from: '        connection.settle(position)\n',
        to: `        connection.settle(position)
        ownership.state.position = position
        ownership.state.sequence += transactions\n`
      }
    ],
    configurations: ['grow', 'plain']
  },
  {
    name: 'no-fence',
    rule: '4.7 InitProducerId at every claim fences the old owner',
    edits: [
      {
        file: session,
        from: 'await wire.initProducerId(transactionalId)',
        to: 'await wire.initProducerId(`${transactionalId} ${options.clock?.random()}`)'
      }
    ],
    configurations: ['compacted-table']
  },
  {
    name: 'claim-without-check',
    rule: '5.2 check before claiming',
    edits: [{ file: takeOver, from: 'refuse(before, source.identity, sampled, options.refreshing ?? false)', to: '' }],
    configurations: ['misconfigured']
  },
  {
    name: 'confirmed-position-sampled-after',
    rule: '5.2 the confirmed position is sampled before the state is read',
    edits: [
      {
        file: takeOver,
        from: '  const sampled = await source.confirmed()\n  const before = await readStreamState(log)\n',
        to: '  const before = await readStreamState(log)\n  const sampled = await source.confirmed()\n'
      }
    ],
    rare: true,
    configurations: everyday
  },
  {
    name: 'refusal-forgotten',
    rule: '5.2 and 5.7 a source that does not continue the stream is refused',
    edits: [
      { file: takeOver, from: 'refuse(before, source.identity, sampled, options.refreshing ?? false)', to: '' },
      { file: takeOver, from: 'refuse(state, source.identity, sampled, options.refreshing ?? false)', to: '' }
    ],
    configurations: ['misconfigured']
  },
  {
    name: 'epoch-not-raised',
    rule: '5.3 a claim takes an epoch above the last one',
    edits: [{ file: takeOver, from: 'Math.max(state.epoch + 1, seconds)', to: 'Math.max(state.epoch, seconds)' }],
    configurations: everyday
  },
  {
    name: 'lost-claim-believed',
    rule: '5.3 a claim is valid iff it raises the current epoch',
    edits: [{ file: takeOver, from: 'if (claim.epoch > state.epoch) return state', to: 'return state' }],
    configurations: everyday
  },
  {
    name: 'rival-claims-not-read',
    rule: "5.3 read to one's own nonce",
    edits: [{ file: takeOver, from: 'else between.push(placed)', to: '' }],
    configurations: everyday
  },
  {
    name: 'void-commits-make-state',
    rule: '5.5 the state is the last entry of the last valid Commits',
    edits: [
      {
        file: streamState,
        from: "record.type === 'commits' && this.epochs.commits(record.epoch) === 'valid'",
        to: "record.type === 'commits'"
      }
    ],
    configurations: everyday
  },
  {
    name: 'state-of-the-first-look',
    rule: '5.5 the state is that at the claim, not that of the check before',
    edits: [
      {
        file: takeOver,
        from: 'const state = advanceState(before, between, offset)',
        to: 'const state = { ...before, epoch: advanceState(before, between, offset).epoch }'
      }
    ],
    configurations: everyday
  },
  {
    name: 'resent-transactions-taken-again',
    rule: '5.5 what the source sends again at or before the position is dropped',
    edits: [{ file: sourcePort, from: 'this.next = Math.max(this.next, this.database.after(from))', to: '' }],
    configurations: everyday
  },
  {
    name: 'no-state-first',
    rule: '5.5 an owner names the state before anything else',
    edits: [{ file: tenure, from: '    this.nameState(this.passed)\n  }\n\n  schema', to: '  }\n\n  schema' }],
    rare: true,
    configurations: ['truncate-commits']
  },
  {
    name: 'known-beyond-what-was-read',
    rule: '3 known: an offset up to which the writer has read, and the current epoch there',
    edits: [
      {
        file: takeOver,
        from: 'known: { offset: state.end, epoch: state.epoch, claim: state.claim }',
        to: 'known: { offset: state.end + 1, epoch: state.epoch, claim: state.claim }'
      }
    ],
    configurations: everyday
  },
  {
    name: 'bookmark-hint-not-confirmed',
    rule: '8 the hint of a bookmark made while writing is a record of the owner that is known to be valid',
    edits: [{ file: ownWrites, from: 'return this.next - 1', to: 'return this.next' }],
    configurations: everyday
  },
  {
    name: 'inherited-sequence-named-as-own',
    rule: '3 a state says under which epoch its sequence was named',
    edits: [{ file: writer, from: 'sequence > options.sequence ? options.epoch : options.named', to: 'options.epoch' }],
    configurations: ['trim', 'plain']
  }
]
