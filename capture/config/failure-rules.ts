import { namesOf, topicTemplate } from '@tidemark/kcop/routing/topic-template.ts'
import type { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { commitStreamOf, topicOf } from './completion.ts'
import { deadLetterTopic, parks } from './failure-completion.ts'
import { completeReaders, outboxEntries } from './output-completion.ts'
import { invalid } from './references.ts'
import type { ConfigurationFile } from './schema.ts'
import { parseTableName } from './table-name.ts'
import { topicFault } from './topic-rules.ts'
import { escapePointer, type YamlDocument } from './yaml-document.ts'

/**
 * What a schema cannot say of dead letters: a topic of their own, which nobody reads who may not read what is set aside
 * there. A letter shows what the table's own output shows, so that one's readers are compared.
 */
export function failureFaults(written: ConfigurationFile, document: YamlDocument): TidemarkError[] {
  const { deadLetters } = written
  if (deadLetters === undefined && !parks(written)) return []
  const topic = deadLetterTopic(written)
  return [
    ...topicFault(topic, '/deadLetters/topic', '/deadLetters', 'topic', document),
    ...sharedFaults(topic, written, document),
    ...readerFaults(topic, written, document)
  ]
}

/** Readers of rows do not expect letters, nor restrictions on one topic those of another. */
function sharedFaults(topic: string, written: ConfigurationFile, document: YamlDocument): TidemarkError[] {
  const prefix = written.topics?.prefix ?? written.subscription
  const others = [
    commitStreamOf(written),
    ...Object.entries(written.tables ?? {}).flatMap(([table, entry]) => [
      ...topicsOf(topicOf(written, table), table),
      ...(entry.also ?? []).flatMap(also => topicsOf(also.topic, table))
    ]),
    ...outboxEntries(written).flatMap(({ entry }) => entry.topic ?? []),
    ...Object.entries(written.mq?.queues ?? {}).map(([queue, entry]) => entry.topic ?? `${prefix}.${queue}`),
    ...(written.monitor ?? []).map(monitor => monitor.topic)
  ]
  if (!others.includes(topic)) return []
  const place = document.placeOf('/deadLetters/topic', 'key')
  return [invalid(`topic ${topic} of \`deadLetters\` is used for something else`, place, 'give it a topic of its own')]
}

function topicsOf(topic: string, table: string): readonly string[] {
  const name = parseTableName(table)
  try {
    return namesOf(topicTemplate(topic, typeof name === 'string' ? null : name))
  } catch {
    // Told where templates are looked at.
    return []
  }
}

function readerFaults(topic: string, written: ConfigurationFile, document: YamlDocument): TidemarkError[] {
  const readers = completeReaders(written.deadLetters?.restricted)
  return Object.entries(written.tables ?? {}).flatMap(([table, entry]) => {
    const its = completeReaders(entry.restricted)
    if (entry.onFailure !== 'park' || its === null) return []
    const others = readers === null ? null : readers.filter(reader => !its.includes(reader))
    if (others !== null && others.length === 0) return []
    const who = others === null ? 'is not' : `may be read by ${others.join(', ')}`
    const message = `table ${table} is restricted and parks what fails, but topic ${topic} of the dead letters ${who}`
    const place = document.placeOf(`/tables/${escapePointer(table)}/onFailure`, 'key')
    return [invalid(message, place, `add \`deadLetters: {restricted: ${restriction(its)}}\``)]
  })
}

function restriction(readers: readonly string[]): string {
  return readers.length === 0 ? 'true' : `{readers: [${readers.join(', ')}]}`
}
