import type { Feed, SinkRecord, SinkTransaction } from '../feed.ts'
import type { Place } from '../sink-state.ts'

export interface ScriptedRecord {
  topic?: string
  key?: string | null
  value: string | null
  headers?: Record<string, string>
}

/** Transactions of a test, numbered from 1; a place is `<transactions>` or `<transactions>:<records of the next>`. */
export class ScriptedStream {
  private readonly transactions: ScriptedRecord[][] = []
  private readonly waiting = new Set<() => void>()
  /** Of this many records at least, a transaction does not tell its size. */
  streamedFrom = Infinity
  /** Feeds opened, with where they began. */
  readonly opened: Place[] = []

  add(...transactions: ScriptedRecord[][]): void {
    this.transactions.push(...transactions)
    for (const wake of this.waiting) wake()
  }

  open(place: Place): Feed {
    this.opened.push(place)
    const [done, records = 0] = (place as { bookmark: string }).bookmark.split(':').map(Number) as [number, number?]
    return new ScriptedFeed(this, done, records)
  }

  /** Resolves with the transaction after `done` of them, or null when `closed`. */
  async after(done: number, skipped: number, closed: AbortSignal): Promise<SinkTransaction | null> {
    while (!closed.aborted) {
      const records = this.transactions[done]
      if (records !== undefined) return transactionOf(done + 1, records, skipped, records.length >= this.streamedFrom)
      await this.more(closed)
    }
    return null
  }

  private more(closed: AbortSignal): Promise<void> {
    return new Promise(resolve => {
      const wake = () => {
        this.waiting.delete(wake)
        closed.removeEventListener('abort', wake)
        resolve()
      }
      this.waiting.add(wake)
      closed.addEventListener('abort', wake)
    })
  }
}

class ScriptedFeed implements Feed {
  private readonly stream: ScriptedStream
  private readonly closing = new AbortController()
  private done: number
  private skipped: number

  constructor(stream: ScriptedStream, done: number, skipped: number) {
    this.stream = stream
    this.done = done
    this.skipped = skipped
  }

  async next(): Promise<SinkTransaction | null> {
    const transaction = await this.stream.after(this.done, this.skipped, this.closing.signal)
    this.done++
    this.skipped = 0
    return transaction
  }

  lag(): { records: number; ms: number } {
    return { records: 0, ms: 0 }
  }

  async close(): Promise<void> {
    this.closing.abort()
  }
}

function transactionOf(
  number: number,
  script: readonly ScriptedRecord[],
  skipped: number,
  streamed: boolean
): SinkTransaction {
  const records = script.map((record, index) => recordOf(record, index)).slice(skipped)
  return {
    name: String(number),
    commitTime: number * 1_000_000,
    size: streamed ? null : records.length,
    records: () => (streamed ? asynchronous(records) : records),
    placeAfter: record => ({ bookmark: record === null ? String(number) : `${number - 1}:${record.offset + 1}` })
  }
}

async function* asynchronous(records: readonly SinkRecord[]): AsyncGenerator<SinkRecord> {
  yield* records
}

function recordOf({ topic = 'orders', key = null, value, headers = {} }: ScriptedRecord, index: number): SinkRecord {
  const bytes = (text: string | null) => (text === null ? null : Buffer.from(text))
  return {
    topic,
    partition: 0,
    offset: index,
    timestamp: 1_700_000_000_000,
    key: bytes(key),
    value: bytes(value),
    headers: Object.entries(headers).map(([name, text]) => [name, bytes(text)] as const)
  }
}
