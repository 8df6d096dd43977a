/** Members of a JSON object by name, each as its JSON text, numbers with all their digits. */
export type JsonMembers = ReadonlyMap<string, string>

/** Takes a JSON object apart at its top level. Returns null when the text is not a JSON object. */
export function jsonMembers(text: string): JsonMembers | null {
  if (!isJsonObject(text)) return null
  const members = new Map<string, string>()
  let at = text.indexOf('{') + 1
  for (;;) {
    at = afterSpace(text, at)
    if (text[at] === '}') return members
    const nameEnd = afterValue(text, at)
    const name = JSON.parse(text.slice(at, nameEnd)) as string
    const valueStart = afterSpace(text, afterSpace(text, nameEnd) + 1)
    const valueEnd = afterValue(text, valueStart)
    members.set(name, text.slice(valueStart, valueEnd))
    at = afterSpace(text, valueEnd)
    if (text[at] === ',') at++
  }
}

function isJsonObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
  } catch {
    return false
  }
}

function afterSpace(text: string, from: number): number {
  let at = from
  while (text[at] === ' ' || text[at] === '\n' || text[at] === '\r' || text[at] === '\t') at++
  return at
}

/** Place after the value that begins at `from`, in text known to be JSON. */
function afterValue(text: string, from: number): number {
  if (text[from] === '"') return afterString(text, from)
  let depth = 0
  for (let at = from; at < text.length; at++) {
    const character = text[at]!
    if (character === '"') at = afterString(text, at) - 1
    else if (character === '{' || character === '[') depth++
    else if (character === '}' || character === ']') {
      if (depth === 0) return at
      if (--depth === 0) return at + 1
    } else if (depth === 0 && (character === ',' || character <= ' ')) return at
  }
  return text.length
}

function afterString(text: string, from: number): number {
  let at = from + 1
  while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1
  return at + 1
}
