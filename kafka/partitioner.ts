import { murmur2 } from '@tidemark/schemas/murmur2.ts'

export { murmur2 } from '@tidemark/schemas/murmur2.ts'

/**
 * The partition, 0..partitions-1, of a record with the key in [start, end). Kafka's default, as in the Java client
 * (BuiltInPartitioner.partitionForKey): readers that join topics rest on equal keys being in equal partitions.
 */
export function partitionOf(key: Uint8Array, start: number, end: number, partitions: number): number {
  return (murmur2(key, start, end) & 0x7fffffff) % partitions
}
