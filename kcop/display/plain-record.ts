import { isUtf8 } from 'node:buffer'
import { parseJson, type JsonValue } from '@tidemark/schemas/json-text.ts'
import type { CollectedRecord } from './collecting-sink.ts'

/** Bytes that are no text. */
export interface PlainBytes {
  readonly base64: string
}

/** JSON objects and arrays are parsed, integers beyond 2^53 as bigint; other text is a string. */
export type PlainValue = string | PlainBytes | JsonValue

/** A record as plain data: for assertions, snapshots, and people. */
export interface PlainRecord {
  readonly topic: string
  /** Only where it was stated; else the key chooses. */
  readonly partition?: number
  readonly key: PlainValue
  /** null is a tombstone. */
  readonly value: PlainValue
  readonly headers: Readonly<Record<string, string | PlainBytes | null>>
}

/** `valueOf`: what keys and values are, where more is known of them than that they are bytes. */
export function plainRecord(
  { topic, partition, key, value, headers }: CollectedRecord,
  valueOf: (bytes: Buffer | null) => PlainValue = plainValue
): PlainRecord {
  return {
    topic,
    ...(partition === null ? {} : { partition }),
    key: valueOf(key),
    value: valueOf(value),
    headers: Object.fromEntries(headers.map(([name, bytes]) => [name, bytes === null ? null : plainText(bytes)]))
  }
}

/** Bytes as plain data; see PlainValue. */
export function plainValue(bytes: Buffer | null): PlainValue {
  if (bytes === null) return null
  const text = plainText(bytes)
  if (typeof text !== 'string' || !/^\s*[[{]/.test(text)) return text
  try {
    return parseJson(text)
  } catch {
    return text
  }
}

export function plainText(bytes: Buffer): string | PlainBytes {
  return isUtf8(bytes) ? bytes.toString() : { base64: bytes.toString('base64') }
}

/** A value as JSON text, with all digits of bigints. `indent`: spaces; 0: one line. */
export function plainJson(value: unknown, indent = 0): string {
  return JSON.stringify(
    value,
    (_name, item: unknown) => (typeof item === 'bigint' ? rawJson(String(item)) : item),
    indent
  )
}

/** JSON.rawJSON is in Node 22 and later, not yet in TypeScript's library. */
const { rawJSON: rawJson } = JSON as unknown as { rawJSON: (text: string) => unknown }
