import { readFileSync, writeFileSync } from 'node:fs'
import { optionReference } from '@tidemark/capture/config/publication.ts'
import { sinkSchema } from './sink-schema.ts'

/**
 * Files made from the schema of a sink's configuration: `node mq-sink/publish.ts` writes them, publish.test.ts checks that
 * they are current.
 */
export const schemaFile = new URL('schema.json', import.meta.url)
export const documentFile = new URL('../docs/mq.md', import.meta.url)

const begin = '<!-- options of the sink: made by mq-sink/publish.ts -->'
const end = '<!-- end of options -->'

/** The JSON Schema as published: editors complete from it through `# yaml-language-server: $schema=`. */
export function schemaText(): string {
  const head = {
    $schema: 'http://json-schema.org/draft-07/schema#',
    $id: 'urn:tidemark:mq-sink:1',
    title: 'Tidemark sink of queues'
  }
  return `${JSON.stringify({ ...head, ...sinkSchema }, null, 2)}\n`
}

/** `document` with the sink's option table made anew. */
export function withOptions(document: string): string {
  const [before, rest] = document.split(begin)
  const after = rest?.split(end)[1]
  if (after === undefined) throw new Error(`docs/mq.md lacks the line ${begin} or ${end}`)
  const table = optionReference([], sinkSchema)
  return `${before}${begin}\n<!-- prettier-ignore-start -->\n\n${table}\n\n<!-- prettier-ignore-end -->\n${end}${after}`
}

if (import.meta.main) {
  writeFileSync(schemaFile, schemaText())
  writeFileSync(documentFile, withOptions(readFileSync(documentFile, 'utf8')))
}
