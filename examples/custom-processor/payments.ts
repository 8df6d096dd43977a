import { defineProcessor, json } from '@tidemark/kcop'

/** Cents taken by each till in the open transaction. */
const taken = new Map<string, bigint>()

/** Payments as they are, and one record per transaction and till with what the till took. */
export default defineProcessor({
  name: 'payments',
  begin() {
    // A transaction that was broken off is told again from its beginning.
    taken.clear()
  },
  process(operation, out) {
    if (operation.kind === 'message' || operation.kind === 'truncate') return
    out.default(operation)
    if (operation.kind !== 'insert') return
    const till = operation.after.text('till')
    const amount = operation.after.text('amount')
    if (till === null || amount === null) return
    taken.set(till, (taken.get(till) ?? 0n) + BigInt(amount.replace('.', '')))
  },
  commit(transaction, out) {
    for (const [till, cents] of taken) {
      out.send({ topic: 'tills', key: till, value: json({ cents, transaction: transaction.sourceId }) })
    }
  }
})
