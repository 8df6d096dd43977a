import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { RelationMessage } from './pgoutput.ts'

/**
 * A partitioned table as its rows really come. Published by its root, a partition's changes are marked by the root's
 * replica identity while the log has what the partition's own keeps, and ALTER TABLE ... REPLICA IDENTITY of the root
 * reaches neither partitions there are nor later ones. Under a root with FULL the old row of a partition without it comes
 * as a whole one whose other columns are null (logicalrep_write_update), which they need not have been.
 */
export interface PublishedIdentity {
  relation: RelationMessage
  /** Old rows have the identity's columns only, whatever they are marked as. */
  keyOnly: boolean
}

/** `partitions`: those of `relation`, as the stream defined them. Throws TABLE_UNSUITABLE where old keys may be missing. */
export function publishedIdentity(relation: RelationMessage, partitions: Iterable<RelationMessage>): PublishedIdentity {
  let weakest: RelationMessage | null = null
  for (const partition of partitions) {
    if (partition.replicaIdentity === 'full' || partition.replicaIdentity === relation.replicaIdentity) continue
    const known = partition.replicaIdentity === 'default' || partition.replicaIdentity === 'nothing'
    if (relation.replicaIdentity !== 'full' || !known) throw unlike(relation, partition)
    if (weakest === null || partition.replicaIdentity === 'default') weakest = partition
  }
  return weakest === null ? { relation, keyOnly: false } : { relation: weakened(relation, weakest), keyOnly: true }
}

function weakened(relation: RelationMessage, { replicaIdentity, columns }: RelationMessage): RelationMessage {
  const identity = new Set(columns.filter(column => column.identity).map(column => column.name))
  return {
    ...relation,
    replicaIdentity,
    columns: relation.columns.map(column => ({ ...column, identity: identity.has(column.name) }))
  }
}

function unlike(relation: RelationMessage, partition: RelationMessage): TidemarkError {
  const name = `${partition.schema}.${partition.name}`
  return new TidemarkError('TABLE_UNSUITABLE', {
    message: `partition ${name} has another replica identity than ${relation.schema}.${relation.name}: old keys may not be in the log`,
    place: name,
    cure: 'give partitions the replica identity of the partitioned table; what was written before cannot be told: retire and apply anew'
  })
}
