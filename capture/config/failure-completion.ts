import type { DeadLettersConfiguration } from './configuration.ts'
import { completeReaders, outboxEntries } from './output-completion.ts'
import type { ConfigurationFile } from './schema.ts'
import type { YamlDocument } from './yaml-document.ts'

/** null: nothing is parked, and no topic is named for it. */
export function completeDeadLetters(
  written: ConfigurationFile,
  document: YamlDocument
): DeadLettersConfiguration | null {
  const { deadLetters } = written
  if (deadLetters === undefined && !parks(written)) return null
  return {
    topic: deadLetterTopic(written),
    readers: completeReaders(deadLetters?.restricted),
    place: document.placeOf(deadLetters === undefined ? '' : '/deadLetters', 'key')
  }
}

export function deadLetterTopic({ deadLetters, topics, subscription }: ConfigurationFile): string {
  return deadLetters?.topic ?? `${topics?.prefix ?? subscription}.dead-letters`
}

/** Whether any table, outbox or queue sets operations aside. */
export function parks(written: ConfigurationFile): boolean {
  const entries = [
    ...Object.values(written.tables ?? {}),
    ...outboxEntries(written).map(({ entry }) => entry),
    ...Object.values(written.mq?.queues ?? {})
  ]
  return entries.some(entry => entry.onFailure === 'park')
}
