import { readFileSync, writeFileSync } from 'node:fs'
import { optionReference, schemaText } from './publication.ts'
import { unavailable } from './unavailable.ts'

/**
 * Files made from the schema: `node capture/config/publish.ts` writes them, publication.test.ts checks that they are
 * current.
 */
export const schemaFile = new URL('schema.json', import.meta.url)
export const documentFile = new URL('../../docs/configuration.md', import.meta.url)

const begin = '<!-- options: made by capture/config/publish.ts -->'
const end = '<!-- end of options -->'

/** `document` with its option tables made anew. */
export function withOptions(document: string): string {
  const [before, rest] = document.split(begin)
  const after = rest?.split(end)[1]
  if (after === undefined) throw new Error(`docs/configuration.md lacks the line ${begin} or ${end}`)
  return `${before}${begin}\n<!-- prettier-ignore-start -->\n\n${optionReference(unavailable)}\n\n<!-- prettier-ignore-end -->\n${end}${after}`
}

if (import.meta.main) {
  writeFileSync(schemaFile, schemaText())
  writeFileSync(documentFile, withOptions(readFileSync(documentFile, 'utf8')))
}
