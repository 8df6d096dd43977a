import type { Mutation } from './mutation.ts'

const agent = 'capture/agent.ts'
const trimming = 'capture/ownership/trimming.ts'
const streamReader = 'tcc-consumer/commit-stream-reader.ts'
const startRules = 'tcc-consumer/start-rules.ts'

const trimmed = ['trim', 'queues-trim']
const known = 'const { claim, epoch } = there.record.known'

/** Section 7 of the specification: trimming, and what it asks of who reads meanwhile. */
export const trimMutations: readonly Mutation[] = [
  {
    name: 'trim-by-plain-retention',
    rule: '7 a stream begins with a claim',
    edits: [{ file: trimming, from: known, to: `if (there.offset > start) return there.offset\n  ${known}` }],
    configurations: trimmed
  },
  {
    name: 'trim-to-a-void-claim',
    rule: '7 the claim that a stream begins with is valid',
    edits: [
      {
        file: trimming,
        from: known,
        to: `if (there.record.type === 'claim' && there.offset > start) return there.offset\n  ${known}`
      }
    ],
    rare: true,
    configurations: trimmed
  },
  {
    name: 'trim-before-own-state',
    rule: '7 trimming follows a valid State of the owner',
    edits: [
      {
        file: agent,
        from: 'if (!settled) void this.trim(ownership, session)',
        to: ''
      },
      {
        file: agent,
        from: 'const renewal = Promise.withResolvers',
        to: 'await this.trim(ownership, signals.session)\n    const renewal = Promise.withResolvers'
      }
    ],
    configurations: trimmed
  },
  {
    name: 'trimmed-while-taking-over',
    rule: '7 who finds the stream trimmed meanwhile looks again',
    edits: [{ file: agent, from: "  'STREAM_TRIMMED',\n", to: '' }],
    configurations: trimmed
  },
  {
    name: 'trimmed-while-starting',
    rule: '7 a reader that finds the stream trimmed meanwhile looks again',
    edits: [
      {
        file: startRules,
        from: "if (!isTidemarkError(error, 'STREAM_TRIMMED') || (await log.bounds()).start === bounds.start) throw error",
        to: 'if (isTidemarkError(error)) throw error'
      }
    ],
    configurations: trimmed
  },
  {
    name: 'trimmed-bookmark-begins-anew',
    rule: '7 behind a bookmark that was trimmed away the sequence must go on',
    edits: [
      {
        file: startRules,
        from: 'return { ...beginning(stream, start), ...done, belowLogStart: true }',
        to: 'return { ...beginning(stream, start), belowLogStart: true }'
      }
    ],
    configurations: trimmed
  },
  {
    name: 'overtaken-reader-begins-anew',
    rule: '7 a reader that is overtaken goes on only if nothing was lost to it',
    edits: [
      {
        file: streamReader,
        from: 'if (isStart) this.sequence = null',
        to: 'if (isStart || this.sequence !== null) this.sequence = null'
      }
    ],
    configurations: trimmed
  },
  {
    name: 'overtaken-before-its-place',
    rule: '7 a reader that is overtaken before it has begun says so',
    edits: [
      {
        file: streamReader,
        from: 'else if (this.sequence === null) throw',
        to: 'else if (this.nextOffset < 0) throw'
      }
    ],
    rare: true,
    configurations: trimmed
  }
]
