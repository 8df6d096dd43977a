/**
 * A legal Avro name (specification, "Names": [A-Za-z_][A-Za-z0-9_]*) for any text: each other character becomes `_x` and its
 * code point in hexadecimal digits, a digit at the front gets a `_` before it. It depends on nothing but the text, so a
 * name stays what it is when other columns come and go.
 */
export function avroName(text: string): string {
  const escaped = text.replaceAll(/[^A-Za-z0-9_]/gu, character => `_x${character.codePointAt(0)!.toString(16)}`)
  return /^[0-9]/.test(escaped) || escaped === '' ? `_${escaped}` : escaped
}

/** A namespace of a text with dots; empty parts are left out. */
export function avroNamespace(...parts: readonly string[]): string {
  return parts
    .flatMap(part => part.split('.'))
    .filter(part => part !== '')
    .map(avroName)
    .join('.')
}
