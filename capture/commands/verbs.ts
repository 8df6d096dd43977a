import type { ExitCode, Invocation } from './invocation.ts'

/** A verb of the command line. What it does is loaded when it is called: --help stays quick. */
export interface Verb {
  name: string
  /** As commander has it: `[tables...]`. */
  arguments?: string
  summary: string
  description: string
  examples: readonly (readonly [command: string, comment: string])[]
  options: readonly VerbOption[]
  run(invocation: Invocation): Promise<ExitCode>
}

export interface VerbOption {
  flags: string
  description: string
  choices?: readonly string[]
  byDefault?: string
}

const yes: VerbOption = { flags: '-y, --yes', description: 'do it without asking' }

export const verbs: readonly Verb[] = [
  {
    name: 'check',
    summary: 'find everything that would break, touching nothing',
    description:
      'Looks at the configuration, at Kafka and at PostgreSQL and reports all findings at once, each with its code and\nits remedy as exact SQL, ACL or command. Changes nothing. Ends with 1 when there is an error among the findings.',
    examples: [
      ['tidemark check', 'of ./tidemark.yaml'],
      ['tidemark check -c bank.yaml --json', 'for scripts']
    ],
    options: [],
    run: async invocation => (await import('./check.ts')).check(invocation)
  },
  {
    name: 'plan',
    summary: 'show what apply would do',
    description:
      'Lists the steps that lead from what is there to what the configuration says: publication, topics, replication\nslot, commit stream, first copy. Changes nothing.',
    examples: [['tidemark plan', 'nothing is done yet']],
    options: [],
    run: async invocation => (await import('./apply.ts')).plan(invocation)
  },
  {
    name: 'apply',
    summary: 'create what is missing: publication, topics, slot, commit stream, first copy',
    description:
      'Shows the steps of `tidemark plan`, asks, and does them. Can be called again at any time: what is done stays, what\nis missing is done. Undo with `tidemark retire`.',
    examples: [
      ['tidemark apply', 'shows, asks, does'],
      ['tidemark apply --yes', 'in scripts']
    ],
    options: [yes],
    run: async invocation => (await import('./apply.ts')).apply(invocation)
  },
  {
    name: 'run',
    summary: 'run the agent, in the foreground',
    description:
      'Captures until it is stopped. SIGTERM or Ctrl-C drains and ends with 0 in less than 30 seconds; a second one ends\nat once. A second agent of the same subscription waits as a standby. Logs go to standard error.',
    examples: [
      ['tidemark run', 'of a subscription that was applied'],
      ['tidemark run --apply', 'applies first, without asking']
    ],
    options: [
      { flags: '--apply', description: 'first do what `tidemark apply --yes` does' },
      { flags: '--agent <name>', description: 'name of this agent, for people (default: host name and process id)' }
    ],
    run: async invocation => (await import('./run.ts')).run(invocation)
  },
  {
    name: 'read',
    summary: 'read whole transactions from the commit stream',
    description: 'A consumer in the terminal: transactions in the order of the source, each whole and each once.',
    examples: [
      ['tidemark read', 'from the earliest, then follows'],
      ['tidemark read --from latest --json', 'one JSON object a line'],
      ['tidemark read --limit 10 --topics bank.public.account', 'ten transactions, one topic of theirs']
    ],
    options: [
      { flags: '--from <place>', description: 'earliest, latest, a bookmark, or an ISO time', byDefault: 'earliest' },
      { flags: '--topics <names...>', description: 'only records of these topics' },
      { flags: '--limit <n>', description: 'end after n transactions' }
    ],
    run: async invocation => (await import('./read.ts')).read(invocation)
  },
  {
    name: 'status',
    summary: 'position, lag, slot health, epoch and owner',
    description:
      'Asks the source and the commit stream how the subscription stands; the agent may run or not. Ends with 1 when\nsomething needs attention.',
    examples: [
      ['tidemark status', 'for people'],
      ['tidemark status --json', 'for scripts and probes']
    ],
    options: [],
    run: async invocation => (await import('./status.ts')).status(invocation)
  },
  {
    name: 'retire',
    summary: 'undo apply: drop slot and publication',
    description:
      'Drops the replication slot and the publication, and says what is lost by it. Topics and their records stay.\nRefuses while an agent holds the slot. Needs --yes. Of queues nothing is to be dropped: it says what is left where.',
    examples: [['tidemark retire --yes', 'the subscription can only be applied anew afterwards']],
    options: [{ flags: '-y, --yes', description: 'leave to drop them; without it nothing is done' }],
    run: async invocation => (await import('./retire.ts')).retire(invocation)
  },
  {
    name: 'shred',
    summary: 'destroy the data keys of one subject',
    description:
      'For columns encrypted by subject: writes a tombstone for every data key of the subject, so that its fields can\nnever be read again, wherever they are. Says how many keys there were. Needs --yes. See docs/protection.md for\nwhat to do before and after.',
    examples: [['tidemark shred --key pii --subject 4711 --yes', 'the customer with this id']],
    options: [
      { flags: '--key <name>', description: 'key under `encryption.keys`' },
      { flags: '--subject <value>', description: 'value of the column that names the subject' },
      { flags: '-y, --yes', description: 'leave to destroy them; without it nothing is done' }
    ],
    run: async invocation => (await import('./shred.ts')).shred(invocation)
  },
  {
    name: 'types',
    summary: 'write TypeScript types of the rows that processors see',
    description:
      'Reads the tables of the configuration from the catalogue and writes a TypeScript file: one row type for each, and\nTables for defineProcessor<Tables>. The same tables give the same text, so it can be committed. Changes nothing in\nthe database.',
    examples: [
      ['tidemark types', 'on standard output'],
      ['tidemark types --out processors/rows.ts', 'into a file']
    ],
    options: [{ flags: '--out <file>', description: 'the file to write; standard output when left out' }],
    run: async invocation => (await import('./row-declarations.ts')).types(invocation)
  },
  {
    name: 'preview',
    arguments: '[tables...]',
    summary: 'show the records that present rows or live changes would become',
    description:
      'Shows topic, key, value and headers as the agent would send them, after all rules and processors, and which rule made\nthem. Writes nothing: Kafka and the schema registry are not contacted; live changes come by a temporary slot, which\nis gone with the command; messages of queues are browsed and stay. Works before apply; live changes need the publication, which apply makes.',
    examples: [
      ['tidemark preview', 'three present rows of each table'],
      ['tidemark preview public.account --rows 10 --json', 'one table, one JSON object a line'],
      ['tidemark preview --live --transactions 5', 'what commits from now on'],
      ['tidemark preview ORDERS.IN --rows 10', 'of queues: messages, which stay there']
    ],
    options: [
      {
        flags: '--rows <n>',
        description: 'present rows of each table, or messages of each queue, 0 to 1000 (default: 3; with --live 0)'
      },
      { flags: '--live', description: 'then show what commits, until Ctrl-C' },
      { flags: '--seconds <n>', description: 'end live changes after n seconds' },
      { flags: '--transactions <n>', description: 'end live changes after n transactions' },
      { flags: '--record <file>', description: 'write the operations into a file, for tests of processors' }
    ],
    run: async invocation => (await import('./preview.ts')).preview(invocation)
  },
  {
    name: 'refresh',
    arguments: '[tables...]',
    summary: 'copy present rows again (not available yet)',
    description: 'Will copy the present rows of tables again, in order with the stream.',
    examples: [['tidemark refresh public.account', 'not available in this version']],
    options: [],
    run: async invocation => (await import('./not-available.ts')).notAvailable(invocation)
  }
]
