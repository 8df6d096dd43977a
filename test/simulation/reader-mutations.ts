import type { Mutation } from './mutation.ts'

const streamReader = 'tcc-consumer/commit-stream-reader.ts'
const partReader = 'tcc-consumer/part-reader.ts'
const partitionCursor = 'tcc-consumer/partition-cursor.ts'
const startRules = 'tcc-consumer/start-rules.ts'
const bookmarkPlace = 'tcc-consumer/bookmark-place.ts'
const exceptions = 'tcc-consumer/exceptions.ts'
const fetchQueue = 'tcc-consumer/fetch-queue.ts'
const rebuilder = 'tcc-consumer/rebuilder.ts'
const epochFold = 'schemas/stream-fold.ts'

const everyday = ['plain', 'grow']

/** Section 6 of the specification: reading; and those rules of section 5 that readers share. */
export const readerMutations: readonly Mutation[] = [
  {
    name: 'every-claim-counts',
    rule: '5.3 a claim that does not raise the epoch is void',
    edits: [{ file: epochFold, from: 'if (claim.epoch <= this.epoch) return false', to: '' }],
    configurations: everyday
  },
  {
    name: 'void-commits-read',
    rule: '5.4 a Commits is valid iff its epoch is the current one',
    edits: [
      {
        file: streamReader,
        from: 'if (isVoid(this.epochs, commits.epoch, this.place())) {',
        to: 'if (commits.epoch < 0) {'
      }
    ],
    configurations: everyday
  },
  {
    name: 'epoch-above-the-claims-is-void',
    rule: '5.4 an epoch above the current one is an error, never void',
    edits: [{ file: epochFold, from: 'if (epoch > this.epoch || this.epoch === 0) {', to: 'if (epoch < 0) {' }],
    rare: true,
    configurations: ['truncate-commits', 'plain']
  },
  {
    name: 'sequence-gap-passed-over',
    rule: '6 anything but the next sequence is a named gap',
    edits: [
      {
        file: streamReader,
        from: 'if (this.sequence !== null && sequence > this.sequence + 1) return this.jumpTo(sequence - 1)',
        to: ''
      },
      {
        file: streamReader,
        from: 'if (this.sequence !== null && entry.sequence > this.sequence) return this.jumpTo(entry.sequence)',
        to: ''
      }
    ],
    configurations: ['trim', 'queues-trim', 'truncate-commits']
  },
  {
    name: 'repetition-is-an-error',
    rule: '6 an entry of the same epoch at or below the last sequence is a repetition',
    edits: [
      {
        file: streamReader,
        from: 'if (epoch > this.sequenceEpoch) throw this.reused(sequence)',
        to: 'throw this.reused(sequence)'
      }
    ],
    configurations: ['mirror']
  },
  {
    name: 'repetition-handed-over',
    rule: '6 repeated entries are dropped',
    edits: [
      {
        file: streamReader,
        from: 'if (this.sequence !== null && sequence <= this.sequence) {',
        to: 'if (sequence < 0) {'
      }
    ],
    configurations: ['mirror']
  },
  {
    name: 'stream-id-not-looked-at',
    rule: '2 a record with another stream id is not ours',
    edits: [{ file: partitionCursor, from: 'if (stream !== this.stream) return false', to: '' }],
    configurations: ['recreated', 'two-subscriptions']
  },
  {
    name: 'record-epoch-not-looked-at',
    rule: '6 records of another epoch are void',
    edits: [
      {
        file: partReader,
        from: 'if (header.sequence === this.sequence && header.epoch === this.epoch) {',
        to: 'if (header.sequence === this.sequence) {'
      }
    ],
    configurations: everyday
  },
  {
    name: 'record-number-need-not-rise',
    rule: '6 record must rise: what comes again is dropped',
    edits: [
      {
        file: partReader,
        from: "if (header.record > this.handedLast && header.record > this.last) return 'record'",
        to: "return 'record'"
      }
    ],
    rare: true,
    configurations: ['mirror', 'grow']
  },
  {
    name: 'records-above-held-back',
    rule: '6 a record above what is named means that records are missing',
    edits: [{ file: partReader, from: "return this.absent('above')", to: "return 'wait'" }],
    configurations: ['retain', 'truncate']
  },
  {
    name: 'records-above-passed-over',
    rule: '6 a record above what is named is not to be passed',
    edits: [
      {
        file: partReader,
        from: 'header.epoch > this.epoch || (header.epoch === this.epoch && header.sequence > this.sequence)',
        to: 'header.epoch < 0'
      }
    ],
    rare: true,
    configurations: ['retain', 'compact']
  },
  {
    name: 'waits-at-the-end',
    rule: '6 at the end of the partition the data must be there',
    edits: [{ file: exceptions, from: 'if (left <= 0) return false', to: '' }],
    configurations: ['truncate', 'retain']
  },
  {
    name: 'end-seen-before-the-entry',
    rule: '6 the high watermark is one fetched after the entry was seen',
    edits: [
      { file: fetchQueue, from: 'return this.answered > since &&', to: 'return' },
      { file: exceptions, from: 'if (left <= 0) return false', to: 'return false' }
    ],
    configurations: everyday
  },
  {
    name: 'no-patience-after-leader-change',
    rule: '6 retry after a leader change',
    edits: [{ file: exceptions, from: 'if (left <= 0) return false', to: 'return false' }],
    rare: true,
    configurations: ['grow']
  },
  {
    name: 'hint-trusted',
    rule: '6 the record at firstOffset must be as named',
    edits: [
      {
        file: partReader,
        from: 'if (this.named !== null && !this.isAsNamed(this.named)) return this.scan()',
        to: ''
      },
      { file: partReader, from: 'if (this.cursor.openedByHint) return this.scan()', to: '' }
    ],
    configurations: ['mirror', 'compact']
  },
  {
    name: 'no-scan-before-the-error',
    rule: '6 a count not reached after opening by hint scans once before the error',
    edits: [{ file: partReader, from: 'if (this.cursor.openedByHint) return this.scan()', to: '' }],
    configurations: ['mirror', 'grow', 'compact']
  },
  {
    name: 'first-claim-believed-at-a-late-start',
    rule: '6 start: go back to known, begin with its epoch',
    edits: [
      {
        file: startRules,
        from: 'let from = there === null || there.record.known.offset <= start ? origin : there.record.known',
        to: 'let from = there === null ? origin : { ...there.record.known, epoch: 0 }'
      }
    ],
    configurations: everyday
  },
  {
    name: 'bookmark-without-epoch',
    rule: '8 a bookmark carries the epoch: records before it are not read again',
    edits: [{ file: startRules, from: 'const known = { epoch: bookmark.epoch }', to: 'const known = { epoch: 1 }' }],
    configurations: everyday
  },
  {
    name: 'bookmark-at-its-own-record-only',
    rule: '8 the record at a bookmark may be an earlier one of the same owner: the entry is looked for from there',
    edits: [
      {
        file: bookmarkPlace,
        from: "if (record.type === 'claim') return null",
        to: "if (record.type === 'claim') throw replaced(bookmark, topic)"
      }
    ],
    configurations: everyday
  },
  {
    name: 'bookmark-believed-at-its-hint',
    rule: '8 nothing but the entry itself says that a transaction was named',
    edits: [
      {
        file: startRules,
        from: 'const { offset, entriesRead } = await findBookmark(log, bookmark, end)',
        to: 'const { offset, entriesRead } = { offset: bookmark.offset, entriesRead: 0 }'
      },
      { file: streamReader, from: 'if (epoch > this.sequenceEpoch) throw this.reused(sequence)', to: '' },
      { file: streamReader, from: 'if (epoch > this.sequenceEpoch) throw this.reused(entry.sequence)', to: '' }
    ],
    configurations: everyday
  },
  {
    name: 'bookmark-waits-behind-a-claim',
    rule: '8 once its owner is superseded a transaction is not named any more',
    edits: [
      {
        file: bookmarkPlace,
        from: "if (record.type === 'claim' && record.epoch > bookmark.epoch) throw neverNamed(bookmark, topic, offset)",
        to: "if (record.type === 'claim') epochs.claim(record)"
      }
    ],
    configurations: everyday
  },
  {
    name: 'void-entry-believed-for-a-bookmark',
    rule: '8 an entry of a superseded owner names nothing',
    edits: [
      {
        file: bookmarkPlace,
        from: "if (record.type === 'claim' && record.epoch > bookmark.epoch) throw neverNamed(bookmark, topic, offset)",
        to: 'void epochs'
      },
      {
        file: bookmarkPlace,
        from: "record.type !== 'commits' || isVoid(epochs, record.epoch, `${topic} offset ${offset}`)",
        to: "record.type !== 'commits' || record.epoch !== bookmark.epoch"
      }
    ],
    configurations: everyday
  },
  {
    name: 'named-epoch-not-looked-at',
    rule: '8 a state that names the sequence under a later epoch than the bookmark is of another transaction',
    edits: [{ file: streamReader, from: 'this.checkNamed(entry)', to: '' }],
    configurations: ['trim']
  },
  {
    name: 'bookmark-inside-forgotten',
    rule: '8 a bookmark inside a transaction: records below it are done',
    edits: [{ file: startRules, from: 'firstRecord: bookmark.record', to: 'firstRecord: 0' }],
    configurations: everyday
  },
  {
    name: 'parts-not-merged',
    rule: '6 the parts are merged by record',
    edits: [
      {
        file: rebuilder,
        from: 'this.records[record] = new TransactionRecord(cursor)',
        to: 'this.records[this.records.findIndex(other => other === undefined)] = new TransactionRecord(cursor)'
      }
    ],
    configurations: everyday
  }
]
