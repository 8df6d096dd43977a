import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'

/** An instance of kafkajs' `Kafka`, by what its type shows of it. */
export interface KafkaJs {
  admin(...options: never[]): unknown
  consumer(...options: never[]): unknown
}

/** A request as kafkajs' connections take it; its answer is what `parse` gives. */
export interface KafkaJsRequest<T> {
  request: { apiKey: number; apiVersion: number; apiName: string; encode: () => Promise<KafkaJsPayload> }
  response: {
    decode: (payload: Buffer) => Promise<{ clientSideThrottleTime: number; payload: Buffer }>
    parse: (decoded: { payload: Buffer }) => Promise<T>
  }
}

/** What kafkajs' Encoder takes for another Encoder. */
export interface KafkaJsPayload {
  buf: Buffer
  buffer: Buffer
}

export interface KafkaJsBroker {
  isConnected(): boolean
  connect(): Promise<void>
  connectionPool: { send<T>(request: KafkaJsRequest<T>): Promise<T> }
  listOffsets(options: {
    isolationLevel: number
    topics: { topic: string; partitions: { partition: number; timestamp: number }[] }[]
  }): Promise<{ responses: { topic: string; partitions: { partition: number; offset: string }[] }[] }>
}

export interface KafkaJsTopic {
  topic: string
  partitionMetadata: { partitionId: number; leader: number }[]
}

/** The part of kafkajs 2 under its consumers: brokers by node id, on the instance's own connections. */
export interface KafkaJsCluster {
  connect(): Promise<void>
  disconnect(): Promise<void>
  refreshMetadata(): Promise<void>
  metadata(options: { topics: string[] }): Promise<{ topicMetadata: KafkaJsTopic[] }>
  findBroker(options: { nodeId: number }): Promise<KafkaJsBroker>
}

/**
 * kafkajs has no public manual assignment. Its consumers, producers and admins all get their cluster from one function
 * that stands on the instance under a symbol of this description (kafkajs 2.0 to 2.2.4, src/index.js).
 */
const createClusterSymbol = 'private:Kafka:createCluster'

/** A cluster of its own of that instance. Throws CONFIG_INVALID when it is not an instance of kafkajs 2. */
export function clusterOf(kafka: KafkaJs): KafkaJsCluster {
  const symbol = Object.getOwnPropertySymbols(kafka).find(({ description }) => description === createClusterSymbol)
  const create = symbol === undefined ? undefined : (kafka as unknown as Record<symbol, unknown>)[symbol]
  if (typeof create !== 'function') {
    throw new TidemarkError('CONFIG_INVALID', {
      message: 'kafka: is not an instance of kafkajs 2',
      place: 'option kafka',
      cure: 'give `new Kafka({...})` of kafkajs 2, or `brokers` instead'
    })
  }
  return (create as (options: object) => KafkaJsCluster)({ allowAutoTopicCreation: false, metadataMaxAge: 300_000 })
}
