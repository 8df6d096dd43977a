/** A trace context has two or three. */
const entriesMax = 16

/**
 * Reads `java.util.Properties` text, the form in which Debezium expects a trace context in the outbox: one `name=value`
 * or `name:value` per line, comments with # or !, a backslash before a character that would mean something.
 */
export function parseJavaProperties(text: string): [name: string, value: string][] {
  const entries: [string, string][] = []
  for (const line of text.split(/\r\n|\r|\n/)) {
    const content = line.trimStart()
    if (content === '' || content.startsWith('#') || content.startsWith('!')) continue
    const match = /^((?:\\.|[^\\=:\s])+)\s*[=:\s]\s*(.*)$/s.exec(content)
    if (match === null || entries.length >= entriesMax) continue
    entries.push([unescape(match[1]!), unescape(match[2]!)])
  }
  return entries
}

function unescape(text: string): string {
  return text.replaceAll(/\\(u[0-9a-fA-F]{4}|.)/gs, (_all, escaped: string) => {
    if (escaped.length === 5) return String.fromCharCode(Number.parseInt(escaped.slice(1), 16))
    return { t: '\t', n: '\n', r: '\r', f: '\f' }[escaped] ?? escaped
  })
}
