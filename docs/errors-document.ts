/** One entry of the catalogue of schemas/error-codes.ts. */
export interface ErrorEntry {
  means: string
  cure: string
}

/** The text of docs/errors.md: every code with its meaning and its cure, as prettier would lay it out. */
export function errorsDocument(codes: Record<string, ErrorEntry>): string {
  const sections = Object.entries(codes)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([code, { means, cure }]) => `## ${code}\n\n${sentence(means)}\n\n**Cure:** ${sentence(cure)}\n`)
  return `${head}\n${sections.join('\n')}`
}

const head = `# Error codes

Every stop of Tidemark has a stable code. A message names the thing it is about; the meaning and the cure are here.
Codes are never given another meaning; one that is no longer used stays reserved.

<!-- Made from schemas/error-codes.ts by \`npm run docs\`; change it there. -->
`

function sentence(text: string): string {
  const ended = /[.!?]$/.test(text) ? text : `${text}.`
  return `${ended.charAt(0).toUpperCase()}${ended.slice(1)}`
}
