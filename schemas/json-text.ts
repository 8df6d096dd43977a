/** A JSON value as Node reads it without loss: integers beyond 2^53 are bigint. */
export type JsonValue = null | boolean | number | bigint | string | JsonValue[] | { [name: string]: JsonValue }

interface SourceContext {
  source?: string
}

/**
 * Parses JSON (UTF-8 bytes or text) like JSON.parse, but integers beyond 2^53, which the JSON format writes with all
 * their digits, come as bigint. Throws SyntaxError on anything that is not JSON.
 */
export function parseJson(json: Uint8Array | string): JsonValue {
  const text = typeof json === 'string' ? json : Buffer.from(json.buffer, json.byteOffset, json.length).toString('utf8')
  // Only a run of 16 digits can be beyond 2^53; a reviver costs several times the plain parse.
  if (!/\d{16}/.test(text)) return JSON.parse(text) as JsonValue
  const parse = JSON.parse as (text: string, reviver: typeof exactInteger) => JsonValue
  return parse(text, exactInteger)
}

/** Reviver of JSON.parse; `context.source` is the number as written (ECMAScript: JSON.parse source text access). */
function exactInteger(_key: string, value: unknown, context?: SourceContext): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value
  const source = context?.source
  return source !== undefined && /^-?\d+$/.test(source) ? BigInt(source) : value
}
