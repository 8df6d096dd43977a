import { randomBytes } from 'node:crypto'
import type { Configuration } from '../config/configuration.ts'
import type { PositionBytes } from '@tidemark/schemas/position.ts'
import type { OpenWriter } from '../postgres/inspection.ts'
import { PostgresSource } from '../postgres/postgres-source.ts'
import { systemSourceClock } from '../system-surroundings.ts'
import type { SourceConnection, TransactionReceiver } from '../source.ts'

export interface LivePreview {
  configuration: Configuration
  /** Before anything is read: the temporary slot, and where it begins. */
  prepare(slot: string, from: PositionBytes): Promise<void>
  /** `onPassed` of what it reads settles it, so that the server keeps no log for a preview. */
  receiverFor(connection: Pick<SourceConnection, 'settle'>): TransactionReceiver
  /** Aborted: end. */
  signal: AbortSignal
  onWriters(writers: readonly OpenWriter[]): void
  onReady(): void
}

/**
 * Hands what commits from now on to the receiver, by way of a temporary slot, which the server drops with the connection.
 * Resolves when the signal is aborted; rejects as the source does.
 */
export async function previewLive(preview: LivePreview): Promise<void> {
  const { configuration, signal, onWriters, onReady } = preview
  const { url, publication } = configuration.postgres
  const slot = `tidemark_preview_${randomBytes(6).toString('hex')}`
  const source = new PostgresSource({
    url,
    applicationName: `tidemark ${configuration.subscription} preview`,
    slot,
    publication,
    clock: systemSourceClock,
    temporary: { onWriters }
  })
  const connection = await source.open(signal).catch((error: unknown) => {
    if (signal.aborted) return null
    throw error
  })
  if (connection === null) return
  const stopped = new Promise<void>(resolve => signal.addEventListener('abort', () => resolve(), { once: true }))
  try {
    const from = await connection.confirmed()
    await preview.prepare(slot, from!)
    const running = connection.run(preview.receiverFor(connection), from!)
    running.catch(() => {})
    onReady()
    if (!signal.aborted) await Promise.race([running, stopped])
  } finally {
    await connection.close()
  }
}
