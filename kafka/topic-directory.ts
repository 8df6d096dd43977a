import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { brokerErrorName, brokerErrors, forbiddenError, isForbidden } from './broker-error.ts'
import { backoffMs, type Clock } from './clock.ts'
import type { ClusterMetadata, PartitionMetadata, TopicAnswer } from './metadata-request.ts'

export type { PartitionMetadata } from './metadata-request.ts'

export interface TopicMetadata {
  name: string
  id: string
  /** By partition number. */
  partitions: readonly PartitionMetadata[]
}

export interface TopicDirectoryOptions {
  /** How long a topic may stay unknown before it is TOPIC_MISSING. */
  settleMs: number
  /** Asks again after this long, so that a re-created or enlarged topic is noticed. */
  ageMaxMs?: number
  signal: AbortSignal
}

const settleBackoff = { firstMs: 20, maxMs: 500 }
const noTopicId = '00000000-0000-0000-0000-000000000000'

interface Known {
  metadata: TopicMetadata
  askedAt: number
}

/**
 * What is known of topics: asked when first needed, kept until forgotten. Questions of one moment go out as one. The id
 * a topic had when first seen is pinned: another one later is TOPIC_RECREATED.
 */
export class TopicDirectory {
  private readonly ask: (topics: readonly string[]) => Promise<ClusterMetadata>
  private readonly clock: Clock
  private readonly options: TopicDirectoryOptions
  private readonly known = new Map<string, Known>()
  private readonly ids = new Map<string, string>()
  private readonly searches = new Map<string, Promise<TopicMetadata>>()
  private next: { names: Set<string>; answer: Promise<ClusterMetadata> } | null = null

  constructor(
    ask: (topics: readonly string[]) => Promise<ClusterMetadata>,
    clock: Clock,
    options: TopicDirectoryOptions
  ) {
    this.ask = ask
    this.clock = clock
    this.options = options
  }

  /** Throws TOPIC_MISSING, TOPIC_RECREATED, KAFKA_AUTHORIZATION, and what asking throws. */
  async topic(name: string): Promise<TopicMetadata> {
    const known = this.known.get(name)
    if (known !== undefined && this.clock.steadyMs() - known.askedAt < (this.options.ageMaxMs ?? 300_000)) {
      return known.metadata
    }
    let search = this.searches.get(name)
    if (search === undefined) {
      search = this.search(name).finally(() => this.searches.delete(name))
      this.searches.set(name, search)
    }
    return search
  }

  /** As `topic`; TOPIC_MISSING also when the topic has no such partition. */
  async partition(topic: string, partition: number): Promise<PartitionMetadata> {
    const found = (await this.topic(topic)).partitions[partition]
    if (found !== undefined) return found
    // Partitions may have been added since.
    this.forget(topic)
    const { partitions } = await this.topic(topic)
    const added = partitions[partition]
    if (added !== undefined) return added
    throw new TidemarkError('TOPIC_MISSING', {
      message: `topic ${topic} has ${partitions.length} partitions, none of number ${partition}`,
      place: `${topic}/${partition}`,
      cure: 'add partitions to the topic, or correct the partition number'
    })
  }

  forget(topic: string): void {
    this.known.delete(topic)
  }

  private async search(name: string): Promise<TopicMetadata> {
    const started = this.clock.steadyMs()
    for (let tries = 1; ; tries++) {
      const answer = (await this.together(name)).topics.find(topic => topic.name === name)
      if (answer !== undefined && answer.error === 0) return this.learn(answer)
      if (answer !== undefined && isForbidden(answer.error)) {
        throw forbiddenError(answer.error, 'Describe', `topic ${name}`)
      }
      if (this.clock.steadyMs() - started >= this.options.settleMs || isFinal(answer)) throw missing(name, answer)
      await this.clock.delay(backoffMs(tries, settleBackoff, this.clock.random()), this.options.signal)
    }
  }

  /** Joins the question that goes out at the end of this turn. */
  private together(name: string): Promise<ClusterMetadata> {
    if (this.next === null) {
      const names = new Set<string>()
      const answer = Promise.resolve().then(() => {
        this.next = null
        return this.ask([...names])
      })
      this.next = { names, answer }
    }
    this.next.names.add(name)
    return this.next.answer
  }

  private learn({ name, id, partitions }: TopicAnswer): TopicMetadata {
    const pinned = this.ids.get(name)
    if (pinned !== undefined && pinned !== id) {
      throw new TidemarkError('TOPIC_RECREATED', {
        message: `topic ${name} was deleted and created again: its id was ${pinned} and is ${id}`,
        place: name
      })
    }
    if (id !== noTopicId) this.ids.set(name, id)
    const metadata = { name, id, partitions }
    this.known.set(name, { metadata, askedAt: this.clock.steadyMs() })
    return metadata
  }
}

function isFinal(answer: TopicAnswer | undefined): boolean {
  return answer?.error === brokerErrors.INVALID_TOPIC_EXCEPTION
}

function missing(name: string, answer: TopicAnswer | undefined): TidemarkError {
  const reason = answer === undefined ? '' : `: ${brokerErrorName(answer.error)}`
  return new TidemarkError('TOPIC_MISSING', { message: `topic ${name} does not exist${reason}`, place: name })
}
