import type { ProducerSession } from '@tidemark/kafka/producer-session.ts'

/** What an owner needs of its producer session: batches stored once, in order, or an error that ends the ownership. */
export type BatchProducer = Pick<ProducerSession, 'produce'>
