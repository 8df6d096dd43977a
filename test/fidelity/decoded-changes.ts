import type pg from 'pg'
import { Assembler } from '@tidemark/capture/postgres/assembler.ts'
import { PgoutputDecoder, walDataHeaderBytes } from '@tidemark/capture/postgres/pgoutput.ts'
import { loadInto, RelationCatalogue } from '@tidemark/capture/postgres/relation-catalogue.ts'
import type { TransactionReceiver } from '@tidemark/capture/source.ts'
import { lsn } from '@tidemark/schemas/position.ts'

/**
 * Reads what a slot holds as SQL, in the form of the client's settings, and hands it to a receiver as the agent does.
 * Nothing is consumed.
 */
export async function decodeChanges(
  client: pg.Client,
  slot: string,
  publication: string,
  receiver: TransactionReceiver
): Promise<void> {
  const { rows } = await client.query<{ at: string; data: Buffer }>(
    `SELECT lsn - '0/0' AS at, data FROM pg_logical_slot_peek_binary_changes($1, NULL, NULL,
       'proto_version', '1', 'publication_names', $2, 'messages', 'true')`,
    [slot, publication]
  )
  const catalogue = new RelationCatalogue()
  const assembler = new Assembler({ receiver, catalogue, from: lsn(0n) })
  const decoder = new PgoutputDecoder(assembler)
  for (const { at, data } of rows) {
    const frame = Buffer.concat([Buffer.alloc(walDataHeaderBytes), data])
    frame.write('w')
    frame.writeBigUInt64BE(BigInt(at), 1)
    decoder.decode(frame, 0, frame.length)
    if (assembler.wanted === null) continue
    await loadInto(catalogue, client, assembler.wanted)
    assembler.looked()
  }
}
