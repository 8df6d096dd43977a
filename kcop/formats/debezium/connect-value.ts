import type { ColumnType } from '@tidemark/schemas/table.ts'
import { writeAvroColumn, writeString } from '../../avro/avro-column.ts'
import { writeLong, writeLongText } from '../../avro/avro-long.ts'
import { NULL_BRANCH, VALUE_BRANCH, avroTypeOf, STRING, type AvroType } from '../../avro/avro-type.ts'
import { Scratch } from '../../scratch.ts'
import { ARRAY_CLOSE, ARRAY_END, ARRAY_NULL, ARRAY_OPEN, ARRAY_VALUE } from '../array-text.ts'
import { writeUnscaled } from '../unscaled-decimal.ts'
import { noDecimal, writeDebeziumColumn } from './debezium-column.ts'
import {
  AS_ARRAY,
  AS_BIT,
  AS_BITS,
  AS_DATE,
  AS_DECIMAL,
  AS_INTERVAL,
  AS_JSON,
  AS_MONEY,
  AS_POINT,
  AS_STRING,
  AS_TIME,
  AS_TIMESTAMP,
  AS_TIMESTAMPTZ,
  AS_TIMETZ,
  AS_VARIABLE_DECIMAL,
  debeziumTypeOf,
  type DebeziumType,
  type DecimalHandling
} from './debezium-type.ts'

const noNesting = 'is an array of more than one dimension, which its Avro type cannot tell'
/** Of one value: what the JSON envelope has for it. */
const json = new Scratch()
const unscaled = new Scratch()

/** A column type compiled for the Avro envelope. */
export interface ConnectType {
  readonly debezium: DebeziumType
  /** Of what is written as in the format `avro`. */
  readonly avro: AvroType
  readonly element: ConnectType | null
}

export function connectTypeOf(type: ColumnType, decimals: DecimalHandling): ConnectType {
  const debezium = debeziumTypeOf(type, decimals)
  const isText = debezium.code === AS_JSON && ['numeric', 'other', 'timetz', 'interval'].includes(type.kind)
  return {
    debezium,
    avro: isText ? { code: STRING, schema: 'string', element: null, array: null } : avroTypeOf(type),
    element: debezium.element === null ? null : connectTypeOf(type.element!, decimals)
  }
}

/**
 * Appends the Avro encoding of one value given in PostgreSQL's text form, with Debezium's meaning of its type. Returns
 * null, or what is wrong with the text (never the text itself).
 */
export function writeConnectColumn(
  type: ConnectType,
  source: Buffer,
  start: number,
  end: number,
  into: Scratch
): string | null {
  switch (type.debezium.code) {
    case AS_ARRAY:
      return writeArray(type, source, start, end, into)
    case AS_STRING:
      return writeString(source, start, end, into)
    case AS_DECIMAL:
      unscaled.length = 0
      if (!writeUnscaled(source, start, end, unscaled)) return noDecimal
      return writeString(unscaled.bytes, 0, unscaled.length, into)
    case AS_BIT:
      into.room(1)[into.length++] = source[start] === 0x31 ? 1 : 0
      return null
    case AS_JSON:
      return writeAvroColumn(type.avro, source, start, end, into)
    default:
      return writeByJson(type.debezium, source, start, end, into)
  }
}

/** What the JSON envelope has, in Avro: so both tell the same. */
function writeByJson(type: DebeziumType, source: Buffer, start: number, end: number, into: Scratch): string | null {
  json.length = 0
  const wrong = writeDebeziumColumn(type, source, start, end, json)
  if (wrong !== null) return wrong
  switch (type.code) {
    case AS_DATE:
    case AS_TIME:
    case AS_TIMESTAMP:
    case AS_INTERVAL:
      writeLongText(json.bytes, 0, json.length, into)
      return null
    case AS_TIMESTAMPTZ:
    case AS_TIMETZ:
      return writeString(json.bytes, 1, json.length - 1, into)
    case AS_MONEY:
    case AS_BITS:
      return writeBase64Bytes(JSON.parse(json.copy().toString()) as string, into)
    case AS_VARIABLE_DECIMAL:
      return writeVariableDecimal(JSON.parse(json.copy().toString()) as { scale: number; value: string }, into)
    case AS_POINT:
      return writePoint(JSON.parse(json.copy().toString()) as { x: unknown; y: unknown; wkb: string }, into)
    default:
      return 'has no Avro type'
  }
}

function writeBase64Bytes(text: string, into: Scratch): null {
  const bytes = Buffer.from(text, 'base64')
  return writeString(bytes, 0, bytes.length, into)
}

function writeVariableDecimal({ scale, value }: { scale: number; value: string }, into: Scratch): null {
  writeLong(scale, into)
  return writeBase64Bytes(value, into)
}

function writePoint({ x, y, wkb }: { x: unknown; y: unknown; wkb: string }, into: Scratch): null {
  into.length = into.room(8).writeDoubleLE(Number(x), into.length)
  into.length = into.room(8).writeDoubleLE(Number(y), into.length)
  into.room(1)[into.length++] = VALUE_BRANCH
  writeBase64Bytes(wkb, into)
  into.room(1)[into.length++] = NULL_BRANCH
  return null
}

/** Blocks of one element each, so that they need not be counted first. */
function writeArray(type: ConnectType, source: Buffer, start: number, end: number, into: Scratch): string | null {
  const array = type.debezium.array!
  array.open(source, start, end)
  let opened = 0
  for (;;) {
    const found = array.next()
    if (found === ARRAY_END) break
    if (found === ARRAY_CLOSE) continue
    if (found === ARRAY_OPEN) {
      if (opened++ > 0) return noNesting
      continue
    }
    if (found !== ARRAY_VALUE && found !== ARRAY_NULL) return 'is not an array literal'
    writeLong(1, into)
    into.room(1)[into.length++] = found === ARRAY_NULL ? NULL_BRANCH : VALUE_BRANCH
    if (found === ARRAY_NULL) continue
    const wrong = writeConnectColumn(type.element!, array.bytes, array.from, array.to, into)
    if (wrong !== null) return wrong
  }
  writeLong(0, into)
  return null
}

/**
 * Appends Debezium's placeholder for a value that was not sent, behind the branch of its union; returns whether there is
 * one, else it is null.
 */
export function writeUnavailable(type: ConnectType, into: Scratch): boolean {
  const value = JSON.parse(type.debezium.unavailable.toString()) as string | (string | number)[] | null
  into.room(1)[into.length++] = value === null ? NULL_BRANCH : VALUE_BRANCH
  if (Array.isArray(value)) writePlaceholders(type.element!, value, into)
  else if (value !== null) writePlaceholder(type, value, into)
  return value !== null
}

function writePlaceholders(element: ConnectType, values: readonly (string | number)[], into: Scratch): void {
  for (const value of values) {
    writeLong(1, into)
    into.room(1)[into.length++] = VALUE_BRANCH
    writePlaceholder(element, value, into)
  }
  writeLong(0, into)
}

function writePlaceholder(type: ConnectType, value: string | number, into: Scratch): void {
  if (typeof value === 'number') return writeLong(value, into)
  const bytes = Buffer.from(value, type.avro.schema === 'bytes' ? 'base64' : 'utf8')
  writeString(bytes, 0, bytes.length, into)
}
