import type { Operation } from '@tidemark/schemas/operation.ts'
import { formatLsn, lsnFromBytes, type PositionBytes } from '@tidemark/schemas/position.ts'
import type { Table } from '@tidemark/schemas/table.ts'
import { isTidemarkError, type TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { NULL_LENGTH, UNCHANGED_LENGTH } from '@tidemark/schemas/tuple.ts'
import { JsonImage } from '../formats/json-image.ts'
import { isoMicroseconds } from '../formats/journal.ts'
import type { HeaderBlock, TransactionPlace } from '../record-sink.ts'
import type { TableOutput } from '../routing/table-output.ts'
import { Scratch } from '../scratch.ts'

/** Larger rows are left out of their letter: they are still in the source, and key and position find them. */
const rowBytesMax = 262_144

/** Why a letter has no row: it was too large, the rules could not shape it, or the table's own output does not show it. */
export type RowLeftOut = 'too-large' | 'unreadable' | 'filtered'

/** A failed operation, copied: what its letter says. Everything of the row is as the table's own output shows it. */
export interface FailedOperation {
  readonly ordinal: number
  /** `schema.name` of the table, or the queue. */
  readonly from: string
  /** Members of the letter that are not the row's. */
  readonly said: Readonly<Record<string, unknown>>
  readonly key: Buffer | null
  /** Images as JSON; null: there is none. */
  readonly before: Buffer | null
  readonly after: Buffer | null
  readonly rowLeftOut: RowLeftOut | null
  /** Tell readers with keys how to open protected fields; null: nothing is protected. */
  readonly headers: HeaderBlock | null
}

/** How a failed operation of a table may be shown. */
export interface ShownTable {
  /** The table's own output; null: rows are shown as they are. */
  readonly output: TableOutput | null
  /** Topic that protected fields are bound to; null: rows choose it. */
  readonly topic: string | null
}

const scratch = new Scratch()

/** Copies what may be shown of a row operation. Never throws: what cannot be shaped by the rules is not shown. */
export function failedRow(operation: Operation, table: Table, { output, topic }: ShownTable): FailedOperation {
  const base = {
    ordinal: operation.ordinal,
    from: table.qualifiedName,
    said: { table: table.qualifiedName, ...told(operation), topic }
  }
  const nothing = { ...base, key: null, before: null, after: null, headers: null }
  try {
    const shaped = output === null ? operation : output.shape(operation)
    if (shaped === null) return { ...nothing, rowLeftOut: 'filtered' }
    return { ...base, ...imagesOf(shaped, shaped.table ?? table), headers: copyOf(output?.protectionHeaders ?? null) }
  } catch (error) {
    if (!isTidemarkError(error)) throw error
    return { ...nothing, rowLeftOut: 'unreadable' }
  }
}

/**
 * A message is gone from its queue once it was captured: all of it is in the letter, but for properties that the queue's
 * `headers` keep from its records.
 */
export function failedMessage(operation: Operation, shows: (property: string) => boolean): FailedOperation {
  const { prefix, bytes, properties } = operation.message!
  const shown = [...properties].filter(([name]) => shows(name)).map(([name, value]) => [name, propertyOf(value)])
  const said = {
    queue: prefix,
    ...told(operation),
    content: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64'),
    properties: Object.fromEntries(shown) as object
  }
  const nothing = { key: null, before: null, after: null, rowLeftOut: null, headers: null }
  return { ordinal: operation.ordinal, from: prefix, said, ...nothing }
}

/** What may be shown of a logical message. */
export interface ShownMessage {
  /** Topic that protected fields are bound to; null: none is, or the message chooses it. */
  readonly topic: string | null
  readonly content: Buffer
  readonly headers: HeaderBlock | null
}

/**
 * A logical message is gone from the log once it was captured: its letter has what `show` tells of it. Never throws: what
 * cannot be shown by the rules is left out.
 */
export function failedLogicalMessage(
  operation: Operation,
  show: (operation: Operation) => ShownMessage
): FailedOperation {
  const { prefix } = operation.message!
  const base = { ordinal: operation.ordinal, from: prefix, key: null, before: null, after: null }
  const said = { message: prefix, ...told(operation) }
  try {
    const { topic, content, headers } = show(operation)
    const shown = { ...said, topic, content: content.toString('base64') }
    return { ...base, said: shown, rowLeftOut: null, headers: copyOf(headers) }
  } catch (error) {
    if (!isTidemarkError(error)) throw error
    return { ...base, said, rowLeftOut: 'unreadable', headers: null }
  }
}

/** The letter as JSON. `withRow` false: without images, which were too much for the topic. */
export function letterOf(
  failed: FailedOperation,
  error: TidemarkError,
  place: TransactionPlace | null,
  withRow: boolean
): Buffer {
  const { said, key, before, after } = failed
  const hasRow = before !== null || after !== null
  const rowLeftOut = failed.rowLeftOut ?? (hasRow && !withRow ? 'too-large' : null)
  const head = {
    reason: error.code,
    ...(error.place === undefined ? {} : { at: error.place }),
    ...said,
    ...(place === null ? {} : { ...place, stream: place.stream.toString(16).padStart(8, '0') }),
    ...(rowLeftOut === null ? {} : { rowLeftOut })
  }
  const parts: Buffer[] = [Buffer.from(JSON.stringify(head).slice(0, -1))]
  const member = (name: string, json: Buffer | null) => {
    if (json !== null) parts.push(Buffer.from(`,"${name}":`), json)
  }
  member('key', key)
  if (withRow) {
    member('before', before)
    member('after', after)
  }
  return Buffer.concat([...parts, Buffer.from('}')])
}

function told({ kind, ordinal, transaction }: Operation) {
  const { sourceId, commitTime, position, kind: of } = transaction
  return {
    operation: kind,
    ordinal,
    transaction: sourceId,
    kind: of,
    commitTime: isoMicroseconds(commitTime),
    position: positionText(position)
  }
}

function positionText(position: PositionBytes): string {
  return position.length === 8 ? formatLsn(lsnFromBytes(position)) : Buffer.from(position).toString('hex')
}

function imagesOf(operation: Operation, table: Table) {
  const { oldTuple, newTuple, beforeIsKeyOnly } = operation
  const image = new JsonImage(table, [...table.columns.keys()])
  const write = (fill: () => void): Buffer => {
    scratch.length = 0
    fill()
    return scratch.copy()
  }
  const before =
    oldTuple === null
      ? null
      : write(() => void image.write(oldTuple, scratch, beforeIsKeyOnly ? NULL_LENGTH : UNCHANGED_LENGTH))
  const after = newTuple === null ? null : write(() => void image.write(newTuple, scratch))
  const key = keyOf(operation, table, write)
  scratch.trim()
  const bytes = (before?.length ?? 0) + (after?.length ?? 0)
  if (bytes > rowBytesMax) return { key, before: null, after: null, rowLeftOut: 'too-large' as const }
  return { key, before, after, rowLeftOut: null }
}

/** Key columns as the table has them; null where it has none. */
function keyOf({ oldTuple, newTuple }: Operation, table: Table, write: (fill: () => void) => Buffer): Buffer | null {
  const image = newTuple ?? oldTuple
  if (image === null || table.keyColumns.length === 0) return null
  const keyImage = new JsonImage(table, table.keyColumns)
  return write(() => void keyImage.writeKey(image, newTuple === null ? null : oldTuple, scratch))
}

function propertyOf(value: string | number | boolean | Uint8Array): unknown {
  return value instanceof Uint8Array ? { base64: Buffer.from(value).toString('base64') } : value
}

function copyOf(headers: HeaderBlock | null): HeaderBlock | null {
  if (headers === null) return null
  const { count, bytes, start, end } = headers
  return { count, bytes: Buffer.from(bytes.subarray(start, end)), start: 0, end: end - start }
}
