export interface ProducePart {
  topic: string
  partition: number
  /** One sealed record batch. */
  batch: Buffer
}

export interface ProduceAnswer {
  topic: string
  partition: number
  /** Kafka error code, 0 = stored. */
  error: number
  /** Offset of the batch's first record; -1 with an error. */
  baseOffset: number
  /** The broker's own words, where it has any. */
  message?: string
}

export interface ProducerIdentity {
  producerId: bigint
  producerEpoch: number
}

/** What the producer session asks of the cluster; the session above it owns sequences, retries and order. */
export interface ProduceWire {
  /** Node id of the leader, from metadata that `forget` makes stale; null while the partition has none. Throws TOPIC_MISSING. */
  leader(topic: string, partition: number): Promise<number | null>
  /** Metadata of the topic is to be asked again. */
  forget(topic: string): void
  /** Raises the epoch of `transactionalId` at its coordinator, which fences all earlier holders. */
  initProducerId(transactionalId: string): Promise<ProducerIdentity>
  /** One request, acks=all. Rejects when the outcome is unknown (connection lost, timed out). */
  produce(node: number, parts: readonly ProducePart[]): Promise<ProduceAnswer[]>
}
