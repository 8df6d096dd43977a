/** What may happen to topics besides what agents do. */
export type Weather =
  | 'foreign records'
  | 'added partitions'
  | 'compaction'
  | 'data retention'
  | 'data truncation'
  | 'commit stream truncation'
  | 'leader changes'
  | 'forgotten producers'

export interface Configuration {
  name: string
  source: 'database' | 'queues'
  /** What makes a transaction of messages. */
  unit: 'group' | 'batch'
  /**
   * What sinks put to queues besides: whole transactions of the first commit stream, the same where MAXUMSGS is low, or
   * records of a plain topic.
   */
  sink: 'none' | 'stream' | 'split' | 'topic'
  /**
   * What a dead getter held may come back after the next one has opened the queue, as with shared queues on z/OS: later
   * messages are got first, so that order is not asked for.
   */
  lateBackOut: boolean
  /** Of each subscription. */
  agents: number
  subscriptions: number
  /** Two agents have the same name. */
  twin: boolean
  /** One more agent, of another system, is pointed at the commit stream. */
  misconfigured: boolean
  mirror: boolean
  /** Readers take transactions of compacted topics without all their records. */
  allowIncomplete: boolean
  /** At the end everything is compacted: the final value of every key must be right. */
  compactedTable: boolean
  /**
   * Whether the broker's fence holds in every schedule; else in every second one, so that late requests of superseded
   * owners land where only epochs tell.
   */
  fenced: boolean
  /** Data topics hold records of another stream, as if it had been re-created. */
  recreated: boolean
  weather: readonly Weather[]
  /** Owners trim their commit streams, to claims that are not old. */
  trimming: boolean
  transactionsMax: number
  /** Multiplies the length of the adverse part. */
  length: number
}

const plain: Configuration = {
  name: 'plain',
  source: 'database',
  unit: 'group',
  sink: 'none',
  lateBackOut: false,
  agents: 3,
  subscriptions: 1,
  twin: false,
  misconfigured: false,
  mirror: false,
  allowIncomplete: false,
  compactedTable: false,
  fenced: false,
  recreated: false,
  weather: [],
  trimming: false,
  transactionsMax: 6,
  length: 1
}

const rough: readonly Weather[] = ['foreign records', 'added partitions', 'leader changes', 'forgotten producers']

export const configurations: readonly Configuration[] = [
  plain,
  { ...plain, name: 'grow', weather: rough },
  { ...plain, name: 'mirror', mirror: true, weather: ['foreign records', 'added partitions'] },
  { ...plain, name: 'compact', allowIncomplete: true, weather: ['compaction', 'foreign records'] },
  { ...plain, name: 'compact-strict', weather: ['compaction'] },
  { ...plain, name: 'compacted-table', allowIncomplete: true, compactedTable: true, fenced: true, agents: 2 },
  { ...plain, name: 'retain', weather: ['data retention'] },
  { ...plain, name: 'truncate', weather: ['data truncation'] },
  { ...plain, name: 'truncate-commits', weather: ['commit stream truncation'] },
  { ...plain, name: 'trim', trimming: true, weather: ['leader changes', 'forgotten producers'], length: 2 },
  { ...plain, name: 'trim-retain', trimming: true, weather: ['data retention'] },
  { ...plain, name: 'trim-mirror', trimming: true, mirror: true },
  {
    ...plain,
    name: 'trim-all',
    trimming: true,
    subscriptions: 2,
    agents: 2,
    mirror: true,
    misconfigured: true,
    weather: rough,
    transactionsMax: 12,
    length: 2
  },
  { ...plain, name: 'queues-trim', source: 'queues', trimming: true, length: 2 },
  { ...plain, name: 'two-subscriptions', subscriptions: 2, agents: 2 },
  { ...plain, name: 'misconfigured', misconfigured: true, agents: 2 },
  { ...plain, name: 'twin', twin: true, agents: 2 },
  { ...plain, name: 'recreated', recreated: true, agents: 2 },
  { ...plain, name: 'queues', source: 'queues' },
  { ...plain, name: 'queues-late', source: 'queues', lateBackOut: true },
  {
    ...plain,
    name: 'queues-grow',
    source: 'queues',
    weather: rough
  },
  { ...plain, name: 'queues-batch', source: 'queues', unit: 'batch', transactionsMax: 14 },
  { ...plain, name: 'sink', sink: 'stream', agents: 2, transactionsMax: 10 },
  {
    ...plain,
    name: 'sink-split',
    sink: 'split',
    agents: 2,
    transactionsMax: 10,
    weather: rough
  },
  { ...plain, name: 'sink-topic', sink: 'topic', agents: 1, transactionsMax: 1, weather: ['leader changes'] },
  {
    ...plain,
    name: 'queues-all',
    source: 'queues',
    subscriptions: 2,
    agents: 2,
    mirror: true,
    misconfigured: true,
    weather: rough,
    transactionsMax: 12,
    length: 2
  },
  {
    ...plain,
    name: 'all',
    subscriptions: 2,
    agents: 2,
    mirror: true,
    misconfigured: true,
    weather: rough,
    transactionsMax: 12,
    length: 2
  }
]

/** Throws RangeError for a name that is not there. */
export function configurationNamed(name: string): Configuration {
  const found = configurations.find(configuration => configuration.name === name)
  if (found === undefined) throw new RangeError(`no configuration ${name}`)
  return found
}
