import { TransactionWriter } from '../transaction-writer.ts'

export const context = { sourceId: '757', commitTime: 1_000, position: new Uint8Array(8), kind: 'mirror' as const }

/** Of stream 7 in epoch 5, whose next transaction is 11; batches and annotations hold 1,000 bytes. */
export function smallWriter(ownOffset: () => number): TransactionWriter {
  return new TransactionWriter({
    stream: 7,
    epoch: 5,
    sequence: 10,
    named: 4,
    batchBytesMax: 1_000,
    annotationBytesMax: 1_000,
    now: () => 1_000,
    ownOffset,
    onUnknownTopic: () => {}
  })
}
