import type { ConsumedTransaction } from '@tidemark/tcc-consumer'

interface Account {
  id: number
  balance: string
  version: number
}

/** What a consumer knows of the bank, checked after every transaction handed over. */
export class BankBooks {
  /** Every mirrored transaction: the source's id and the rows it changed. */
  readonly transactions: { sourceId: string; rows: number }[] = []
  readonly faults: string[] = []
  private readonly accounts = new Map<string, Account>()
  private cents = 0n
  private readonly totalCents: bigint
  private lastSequence = 0

  constructor(total: bigint) {
    this.totalCents = total * 100n
  }

  enter(transaction: ConsumedTransaction): void {
    if (transaction.sequence !== this.lastSequence + 1) {
      this.faults.push(`sequence ${transaction.sequence} after ${this.lastSequence}`)
    }
    this.lastSequence = transaction.sequence
    const operations = new Set<number>()
    let written: number | null = null
    for (const record of transaction.records) {
      operations.add(record.operation)
      if (record.topic.endsWith('.account')) this.account(record.key!.toString(), record.value, transaction.kind)
      if (record.topic.endsWith('.written') && record.value)
        written = (JSON.parse(record.value.toString()) as { rows: number }).rows
    }
    if (transaction.kind === 'refresh') return
    this.transactions.push({ sourceId: transaction.sourceId, rows: operations.size })
    if (written !== operations.size) {
      this.faults.push(`transaction ${transaction.sourceId}: ${operations.size} rows, its writer wrote down ${written}`)
    }
    if (this.cents !== this.totalCents) {
      this.faults.push(`after transaction ${transaction.sourceId} the sum is ${this.cents}, not ${this.totalCents}`)
    }
  }

  private account(key: string, value: Buffer | null, kind: ConsumedTransaction['kind']): void {
    const before = this.accounts.get(key)
    if (before) this.cents -= cents(before.balance)
    if (value === null) {
      this.accounts.delete(key)
      return
    }
    const after = JSON.parse(value.toString()) as Account
    this.cents += cents(after.balance)
    if (before && kind === 'mirror' && after.version !== before.version + 1) {
      this.faults.push(`account ${key}: version ${after.version} after ${before.version}`)
    }
    this.accounts.set(key, after)
  }
}

function cents(amount: string): bigint {
  return BigInt(amount.replace('.', ''))
}
