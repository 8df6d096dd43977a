import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { RecordSink, Topic } from '../record-sink.ts'
import type { OutboxRule } from '../rules.ts'
import { topicNameFault } from '../topic-name.ts'

/** So many topics are a column of values that are all different, not aggregate types. */
const topicsMax = 10_000

/**
 * Chooses the topic of an event as Kafka Connect's RegexRouter does: a value the whole of which matches the pattern is
 * replaced by the template, any other is the topic itself.
 */
export class TopicRouter {
  private readonly pattern: RegExp
  private readonly rule: OutboxRule
  private readonly sink: RecordSink
  /** Table or prefix, for messages. */
  private readonly place: string
  private readonly topics = new Map<string, Topic>()
  private lastValue: Buffer = Buffer.alloc(0)
  private lastTopic: Topic | null = null

  /** Throws CONFIG_INVALID for a pattern that is no regular expression. */
  constructor(rule: OutboxRule, sink: RecordSink, place: string) {
    this.rule = rule
    this.sink = sink
    this.place = place
    this.pattern = wholePattern(rule.routePattern, place)
  }

  /** The topic for a value of the routing column. Throws ROW_UNSUITABLE when it makes no legal topic name. */
  topic(bytes: Buffer, start: number, end: number): Topic {
    const last = this.lastTopic
    if (last !== null && bytes.compare(this.lastValue, 0, this.lastValue.length, start, end) === 0) return last
    const topic = this.lookUp(bytes.toString('utf8', start, end))
    this.lastValue = Buffer.from(bytes.subarray(start, end))
    this.lastTopic = topic
    return topic
  }

  private lookUp(value: string): Topic {
    const known = this.topics.get(value)
    if (known !== undefined) return known
    const name = this.nameOf(value)
    const fault = topicNameFault(name)
    if (fault !== null) throw this.unsuitable(`makes a topic name that ${fault}`)
    if (this.topics.size >= topicsMax) throw this.unsuitable(`makes more than ${topicsMax} topics`)
    const topic = this.sink.topic(name)
    this.topics.set(value, topic)
    return topic
  }

  private nameOf(value: string): string {
    const match = this.pattern.exec(value)
    if (match === null) return value
    return this.rule.topic.replace(/\$(?:\{(\w+)\}|(\d+))/g, (_all, group: string | undefined, number: string) =>
      group === undefined ? (match[Number(number)] ?? '') : (match.groups?.[group] ?? '')
    )
  }

  private unsuitable(what: string): TidemarkError {
    return new TidemarkError('ROW_UNSUITABLE', {
      message: `${this.rule.routeBy} of an outbox event of ${this.place} ${what}`,
      cure: 'route by a column of few, plain values, or choose them with `routePattern` and `topic`'
    })
  }
}

function wholePattern(pattern: string, place: string): RegExp {
  try {
    return new RegExp(`^(?:${pattern})$`, 'su')
  } catch (error) {
    throw new TidemarkError('CONFIG_INVALID', {
      message: `\`routePattern\` of outbox ${place} is not a regular expression: ${(error as Error).message}`
    })
  }
}
