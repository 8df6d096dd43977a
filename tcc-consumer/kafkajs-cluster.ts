/** An instance of kafkajs' `Kafka`, by what is used of it. */
export interface KafkaJs {
  admin(): unknown
}
