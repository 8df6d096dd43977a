import type { MessageContent, Operation } from '@tidemark/schemas/operation.ts'
import { Row } from '@tidemark/schemas/row.ts'
import { Tuple } from '@tidemark/schemas/tuple.ts'

/** What a kept call costs besides the bytes of its rows. */
const callBytes = 512

/**
 * Calls kept in order until they can be made. A source that is paused still hands over what it has read: that much is
 * kept here, as copies, since an operation is valid during its call only.
 */
export class HeldCalls {
  /** Of everything kept, about. */
  bytes = 0
  private readonly calls: (() => void)[] = []

  keep(call: () => void, bytes = 0): void {
    this.calls.push(call)
    this.bytes += callBytes + bytes
  }

  /** `call` is given a copy that stays valid. */
  keepOperation(operation: Operation, call: (operation: Operation) => void): void {
    const copy = copyOf(operation)
    this.keep(() => call(copy), bytesOf(copy))
  }

  /** Makes every call, in order. */
  make(): void {
    for (const call of this.calls) call()
  }
}

function copyOf(operation: Operation): Operation {
  const before = copyOfRow(operation.before)
  const after = copyOfRow(operation.after)
  return {
    kind: operation.kind,
    table: operation.table,
    ordinal: operation.ordinal,
    transaction: operation.transaction,
    lsnBytes: copyOfLsn(operation),
    lsnStart: 0,
    before,
    after,
    oldTuple: before?.tuple ?? null,
    beforeIsKeyOnly: operation.beforeIsKeyOnly,
    newTuple: after?.tuple ?? null,
    truncated: operation.truncated,
    message: copyOfMessage(operation.message)
  }
}

function copyOfLsn({ lsnBytes, lsnStart }: Operation): Buffer | null {
  return lsnBytes === null ? null : Buffer.from(lsnBytes.subarray(lsnStart, lsnStart + 8))
}

function copyOfRow(row: Row | null): Row | null {
  if (row === null) return null
  return new Row(row.table, copyOfTuple(row.tuple), row.only === null ? {} : { only: row.only })
}

function copyOfTuple(tuple: Tuple): Tuple {
  const copy = new Tuple(tuple.count)
  copy.count = tuple.count
  let bytes = 0
  for (let index = 0; index < tuple.count; index++) bytes += Math.max(0, tuple.lengths[index]!)
  copy.bytes = Buffer.allocUnsafeSlow(bytes)
  let at = 0
  for (let index = 0; index < tuple.count; index++) {
    const length = tuple.lengths[index]!
    copy.starts[index] = at
    copy.lengths[index] = length
    if (length <= 0) continue
    const start = tuple.starts[index]!
    at += tuple.bytes.copy(copy.bytes, at, start, start + length)
  }
  return copy
}

function copyOfMessage(message: MessageContent | null): MessageContent | null {
  return message === null ? null : { ...message, bytes: Buffer.from(message.bytes) }
}

function bytesOf({ oldTuple, newTuple, message }: Operation): number {
  return (oldTuple?.bytes.length ?? 0) + (newTuple?.bytes.length ?? 0) + (message?.bytes.length ?? 0)
}
