import type { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { topicOf } from './completion.ts'
import { invalid } from './references.ts'
import type { ConfigurationFile } from './schema.ts'
import { escapePointer, type YamlDocument } from './yaml-document.ts'

/** What a schema cannot say of formats: what they need elsewhere in the file. */
export function formatFaults(written: ConfigurationFile, document: YamlDocument): TidemarkError[] {
  return [...credentialFaults(written, document), ...avroFaults(written, document)]
}

function credentialFaults({ registry }: ConfigurationFile, document: YamlDocument): TidemarkError[] {
  if (registry === undefined) return []
  const { username, password, token } = registry
  if (token !== undefined && username !== undefined) {
    const message = '`registry` has both a token and a user name'
    return [invalid(message, document.placeOf('/registry/token', 'key'), 'give one of the two')]
  }
  if ((username === undefined) === (password === undefined)) return []
  const message = '`registry.username` and `registry.password` belong together'
  return [invalid(message, document.placeOf('/registry', 'key'), 'give both or neither')]
}

function avroFaults(written: ConfigurationFile, document: YamlDocument): TidemarkError[] {
  return avroOutputs(written).flatMap(({ format, topic, at }) => {
    if (written.registry === undefined) {
      const message = `\`format: ${format}\` needs a schema registry`
      return [
        invalid(message, document.placeOf(`${at}/format`), 'add `registry: {url: https://registry.example.com:8081}`')
      ]
    }
    if (written.registry.subjects !== 'topic' || !/\{(?:column\.|operation)/.test(topic)) return []
    const message = `topic ${topic} is chosen for each record, so its records have no subject`
    return [invalid(message, document.placeOf(`${at}/topic`), 'set `registry: {subjects: record}`')]
  })
}

function avroOutputs(written: ConfigurationFile): { format: string; topic: string; at: string }[] {
  return Object.entries(written.tables ?? {}).flatMap(([name, table]) => {
    const at = `/tables/${escapePointer(name)}`
    const also = (table.also ?? []).map((further, index) => ({
      format: further.format ?? table.format,
      topic: further.topic,
      at: `${at}/also/${index}`
    }))
    const outputs = [{ format: table.format, topic: topicOf(written, name), at }, ...also]
    return outputs.flatMap(({ format, ...rest }) => (format?.endsWith('avro') ? [{ format, ...rest }] : []))
  })
}
