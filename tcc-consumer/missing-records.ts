import type { TransactionEntry } from '@tidemark/schemas/commit-stream.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { OpenPart } from './partition-set.ts'

/** RECORDS_MISSING, naming topic, partition, sequence, and the cause as far as it shows. */
export function missingRecords(entry: TransactionEntry, epoch: number, part: OpenPart, late: boolean): TidemarkError {
  const { reader } = part
  const { topic, partition } = reader.cursor.name
  const count = reader.got + reader.missing
  return new TidemarkError('RECORDS_MISSING', {
    message:
      `transaction ${entry.sequence} of epoch ${epoch} (source id ${entry.sourceId}) has ${count} records in ` +
      `${topic}/${partition}, ${reader.got} were found: ${late ? lateCause : causeOf(part)}`,
    place: `${topic}/${partition}`,
    ...(part.absent === null ? {} : { cause: part.absent })
  })
}

const lateCause = 'the mirror has not brought the rest within the limit'

function causeOf({ reader, hint, absent }: OpenPart): string {
  const { queue, holes } = reader.cursor
  if (absent !== null) return 'there is no such topic or partition'
  if (queue.logStart > hint) {
    return `they have been deleted or have aged out: the partition begins at ${queue.logStart}, they began at ${hint}`
  }
  if (reader.sign === 'end') {
    return queue.highWatermark <= hint
      ? `the partition ends at ${queue.highWatermark}, they began at ${hint}: it was re-created, or has lost its end`
      : `the partition ends at ${queue.highWatermark}: it has lost its end, or was compacted`
  }
  return holes > 0 ? `${holes} offsets are empty: the topic is compacted` : 'later ones follow, the cause does not show'
}
