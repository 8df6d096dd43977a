import type { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { invalid } from './references.ts'
import { topicNameFault } from './topic-name.ts'
import { readablePath, type YamlDocument } from './yaml-document.ts'

/** Whether Kafka would take the name of a topic given at `path`, or implied by another entry. */
export function topicFault(
  topic: string,
  path: string,
  impliedBy: string,
  option: string,
  document: YamlDocument
): TidemarkError[] {
  const fault = topicNameFault(topic)
  if (fault === null) return []
  const place = document.placeOf(path)
  const message = `the topic name \`${document.written(path) ?? topic}\` ${fault}`
  return [invalid(message, place, `set \`${option}\` of \`${readablePath(impliedBy)}\` to a legal name`)]
}
