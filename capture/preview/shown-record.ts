import { decodedValue, type DerivedSchemas } from '@tidemark/kcop/display/avro-value.ts'
import type { CollectedRecord } from '@tidemark/kcop/display/collecting-sink.ts'
import { plainRecord, type PlainBytes, type PlainValue } from '@tidemark/kcop/display/plain-record.ts'
import { outputsOf, type SubscriptionConfiguration } from '../config/configuration.ts'

/** A value that is not shown, since its topic is restricted. A class: content can look like any plain object. */
export class Withheld {
  readonly withheldBytes: number

  constructor(bytes: number) {
    this.withheldBytes = bytes
  }
}

/** A record that would be sent, for people and programs. */
export interface ShownRecord {
  readonly topic: string
  /** null: chosen by the key, or by a column's value. */
  readonly partition: number | null
  readonly key: PlainValue | Withheld
  /** null is a tombstone. */
  readonly value: PlainValue | Withheld
  readonly headers: Readonly<Record<string, string | PlainBytes | null>> | Withheld
  /** What made it, and where that is configured; the processor's file for what a processor sends. */
  readonly output: string | null
  readonly place: string | null
  /** Subjects under which the agent would register Avro schemas. */
  readonly subjects: readonly string[]
}

export interface RecordShow {
  schemas: DerivedSchemas
  restricted: ReadonlySet<string>
}

/** Topics that only chosen readers may read: who looks at a preview need not be one of them. */
export function restrictedTopics(configuration: SubscriptionConfiguration): ReadonlySet<string> {
  const { deadLetters } = configuration
  return new Set([
    ...outputsOf(configuration).flatMap(({ output, topics }) =>
      output.readers === null ? [] : [...topics, output.topic]
    ),
    ...(deadLetters === null || deadLetters.readers === null ? [] : [deadLetters.topic])
  ])
}

/** `processor`: the file of the table's processor, which made what no output says it made. */
export function shownRecord(record: CollectedRecord, processor: string | null, show: RecordShow): ShownRecord {
  const { output } = record
  const made = { output: output?.name ?? processor, place: output === null ? null : output.place }
  const common = { topic: record.topic, partition: record.partition, ...made }
  if (show.restricted.has(record.topic)) return { ...common, ...withheld(record), subjects: [] }
  const key = decodedValue(record.key, show.schemas)
  const value = decodedValue(record.value, show.schemas)
  const subjects = [key.subject, value.subject].filter(subject => subject !== null)
  return { ...common, key: key.value, value: value.value, headers: plainRecord(record).headers, subjects }
}

function withheld({ key, value, headers }: CollectedRecord): Pick<ShownRecord, 'key' | 'value' | 'headers'> {
  const bytes = headers.reduce((sum, [name, content]) => sum + name.length + (content?.length ?? 0), 0)
  return {
    key: key === null ? null : new Withheld(key.length),
    value: value === null ? null : new Withheld(value.length),
    headers: headers.length === 0 ? {} : new Withheld(bytes)
  }
}
