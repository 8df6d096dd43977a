import { murmur2 } from '@tidemark/schemas/murmur2.ts'
import type { Operation } from '@tidemark/schemas/operation.ts'
import type { Table } from '@tidemark/schemas/table.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { NULL_LENGTH, type Tuple } from '@tidemark/schemas/tuple.ts'
import { BY_KEY, byHash, type RecordSink, type Topic } from '../record-sink.ts'
import type { OutputRule } from '../rules.ts'
import { topicNameFault } from '../topic-name.ts'
import { atPart } from './rule-place.ts'
import { nameFor, type TopicTemplate } from './topic-template.ts'

/** So many topics are values that are all different, not places. */
const topicsMax = 10_000

export interface PlacementOptions {
  /** As formats see it. */
  table: Table
  template: TopicTemplate
  rule: Pick<OutputRule, 'partition' | 'place' | 'places'>
  sink: RecordSink
}

/** Topic and partition of the records of one output, where a row or its kind decides them. */
export class Placement {
  /** Indexes of the columns that decide the place. */
  readonly columns: readonly number[]
  private readonly options: PlacementOptions
  private readonly topicColumns: readonly number[]
  private readonly partitionColumn: number
  private readonly topics = new Map<string, Topic>()

  /** Throws COLUMN_UNKNOWN. */
  constructor(options: PlacementOptions) {
    const { table, template, rule } = options
    const { partition } = rule
    this.options = options
    this.topicColumns = template.columns.map(name => atPart(rule, 'topic', () => columnIndex(table, name, 'the topic')))
    const byColumn = typeof partition === 'object' && 'column' in partition
    this.partitionColumn = byColumn
      ? atPart(rule, 'partition', () => columnIndex(table, partition.column, 'the partition'))
      : -1
    this.columns = [...this.topicColumns, ...(byColumn ? [this.partitionColumn] : [])]
  }

  /** Throws ROW_UNSUITABLE when the row makes no legal topic name. */
  topic(operation: Operation): Topic {
    const { template } = this.options
    const name = template.fixed ?? nameFor(template, operation.kind, (_, index) => this.text(operation, index))
    return this.topics.get(name) ?? this.newTopic(name)
  }

  partition(operation: Operation): number {
    const { partition } = this.options.rule
    if (partition === 'key') return BY_KEY
    if ('fixed' in partition) return partition.fixed
    const image = imageOf(operation)
    const length = image.lengths[this.partitionColumn]!
    if (length === NULL_LENGTH) return byHash(0)
    if (length < 0) throw this.notSent(this.partitionColumn)
    const start = image.starts[this.partitionColumn]!
    return byHash(murmur2(image.bytes, start, start + length))
  }

  private text(operation: Operation, index: number): string {
    const image = imageOf(operation)
    const column = this.topicColumns[index]!
    const length = image.lengths[column]!
    if (length === NULL_LENGTH) return 'null'
    if (length < 0) throw this.notSent(column)
    return image.bytes.toString('utf8', image.starts[column]!, image.starts[column]! + length)
  }

  private newTopic(name: string): Topic {
    const { table, sink } = this.options
    const fault = topicNameFault(name)
    if (fault !== null || this.topics.size >= topicsMax) {
      throw new TidemarkError('ROW_UNSUITABLE', {
        message: `a row of ${table.qualifiedName} makes ${fault === null ? `more than ${topicsMax} topics` : `a topic name that ${fault}`}`,
        cure: 'choose topics by a column of few, plain values'
      })
    }
    const topic = sink.topic(name)
    this.topics.set(name, topic)
    return topic
  }

  private notSent(column: number): TidemarkError {
    const { table } = this.options
    return new TidemarkError('ROW_UNSUITABLE', {
      message: `column ${table.columns[column]!.name} of ${table.qualifiedName} decides the place of a record and was not sent`,
      cure: `ALTER TABLE ${table.qualifiedName} REPLICA IDENTITY FULL`
    })
  }
}

function imageOf(operation: Operation): Tuple {
  return (operation.newTuple ?? operation.oldTuple)!
}

export function columnIndex(table: Table, name: string, what: string): number {
  const index = table.columns.findIndex(column => column.name === name)
  if (index >= 0) return index
  throw new TidemarkError('COLUMN_UNKNOWN', {
    message: `${what} names column ${name}, which is not among the columns sent of ${table.qualifiedName}`,
    cure: `use one of: ${table.columns.map(column => column.name).join(', ')}`
  })
}
