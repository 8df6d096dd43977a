import type { TransactionPlace } from '@tidemark/kcop/record-sink.ts'
import { Chance } from './chance.ts'
import { Cluster } from './cluster.ts'
import type { Configuration } from './configuration.ts'
import type { Host } from './host.ts'
import type { Mirror } from './mirror.ts'
import type { Request } from './produce-port.ts'
import { trimmingTimes, type Deletion, type TrimmingTimes } from './trim-port.ts'
import type { PlainTopic } from './plain-topic.ts'
import type { SinkPlan } from './sink-plan.ts'
import type { SourceSystem } from './source-database.ts'
import type { TargetQueueManager } from './target-queues.ts'

/** How often what happened: shows that the schedules reach the places where faults live. */
export interface Counters {
  owners: number
  superseded: number
  fenced: number
  lateRequestsOfTheDead: number
  duplicateBatches: number
  settled: number
  handedOver: number
  /** Before healing. */
  handedOverEarly: number
  restarts: number
  voidCommits: number
  renewals: number
  /** DeleteRecords that moved the beginning of a commit stream. */
  trims: number
  /** Of sinks: units of work committed, backed out, and commits whose outcome was not told. */
  putUnits: number
  putUnitsBackedOut: number
  putUnitsInDoubt: number
}

/** One captured subscription: its source, and where its commits are named. */
export interface Subscription {
  name: string
  commitStream: string
  stream: number
  database: SourceSystem
}

/** Everything of one schedule, on one thread, moved only by the seeded scheduler. */
export class World {
  readonly seed: number
  readonly configuration: Configuration
  readonly chance: Chance
  readonly cluster = new Cluster('origin')
  readonly subscriptions: Subscription[] = []
  readonly hosts: Host[] = []
  /** Produce requests on their way; their senders may be dead. */
  readonly network: Request[] = []
  /** DeleteRecords on their way. */
  readonly deletions: Deletion[] = []
  readonly trimming: TrimmingTimes | null
  mirror: Mirror | null = null
  /** Where sinks put to, how, and what they take besides a commit stream. */
  target: { manager: TargetQueueManager; plan: SinkPlan } | null = null
  plainTopic: PlainTopic | null = null
  /** Old owners are refused wherever the new one has written. */
  readonly fenced: boolean
  /** Readers have no way to have the leader epoch checked (KIP-320): an old broker, another client. */
  readonly unchecked: boolean
  /** The end of a schedule: nothing fails any more, and everything must finish. */
  healing = false
  /** Of the scheduler. */
  steps = 0
  /** Milliseconds since the Unix epoch. */
  timeMs: number
  /** Rises with everything that matters: healing ends when it stands still. */
  events = 0
  /** Records were removed by retention or truncation: errors are allowed, silence is not. */
  lossy = false
  /** Some log lost its end in an unclean election. */
  truncated = false
  commitStreamTruncated = false
  compacted = false
  /** The mirror has not copied all of the first commit stream before it was trimmed. */
  mirrorOvertaken = false
  readonly counters: Counters = {
    owners: 0,
    superseded: 0,
    fenced: 0,
    lateRequestsOfTheDead: 0,
    duplicateBatches: 0,
    settled: 0,
    handedOver: 0,
    handedOverEarly: 0,
    restarts: 0,
    voidCommits: 0,
    renewals: 0,
    trims: 0,
    putUnits: 0,
    putUnitsBackedOut: 0,
    putUnitsInDoubt: 0
  }
  readonly trace: string[] | null
  /** Bookmarks that transactions of the first subscription had while they were written, void ones too, by `placeKey`. */
  readonly early = new Map<string, string[]>()

  constructor(seed: number, configuration: Configuration, traced: boolean) {
    this.seed = seed
    this.configuration = configuration
    this.chance = new Chance(seed)
    this.trace = traced ? [] : null
    this.fenced = configuration.fenced || this.chance.happens(0.5)
    this.unchecked = this.chance.happens(0.5)
    this.timeMs = Date.UTC(2020, 0, 1) + this.beginningMs()
    this.trimming = configuration.trimming ? trimmingTimes(this.chance) : null
  }

  /** Where the commit stream may lose claims, nothing but the clock keeps epochs from being used again. */
  get needsRightClocks(): boolean {
    return this.configuration.weather.includes('commit stream truncation')
  }

  /** Before and early in 2020 epochs rise by one, so that equal epochs of rivals happen; later the clock sets them. */
  private beginningMs(): number {
    if (this.needsRightClocks) return 50_000_000_000
    return this.chance.of([-50_000_000_000, 0, 0, this.chance.below(1_000_000_000)])
  }

  noteEarly(subscription: Subscription, { epoch, sequence, bookmark }: TransactionPlace): void {
    if (subscription !== this.subscriptions[0]) return
    const key = placeKey(epoch, sequence)
    const noted = this.early.get(key)
    if (noted === undefined) this.early.set(key, [bookmark])
    else if (noted.at(-1) !== bookmark) noted.push(bookmark)
  }

  note(text: () => string): void {
    this.events++
    this.trace?.push(text())
  }

  /** Whether time may go on to when a timer is due: not while something lasts that ends by itself in a moment. */
  mayLeap(): boolean {
    return this.chance.happens(0.2) && this.cluster.electing.length === 0
  }

  host(name: string): Host | undefined {
    return this.hosts.find(host => host.name === name)
  }
}

export function placeKey(epoch: number, sequence: number): string {
  return `${epoch}/${sequence}`
}
