/** What delivery must know of a topic to write to it. */
export interface TopicFacts {
  partitions: number
  /** The topic's max.message.bytes: no record batch may be larger. */
  messageBytesMax: number
}

/** Finds (and where configured creates) topics. Throws TOPIC_MISSING, TOPIC_UNSUITABLE, KAFKA_*. */
export interface TopicDirectory {
  find(topic: string): Promise<TopicFacts>
}
