import { kafka as agentKafka } from '@tidemark/capture/config/kafka-options.ts'
import { connection, whole } from '@tidemark/capture/config/mq-options.ts'
import { Type, type Static } from 'typebox'
import { recordFacts } from './queue-target.ts'

const topicList = (description: string) =>
  Type.Optional(Type.Array(Type.String({ minLength: 1 }), { minItems: 1, description }))

const queue = Type.Object(
  {
    topics: topicList('Topics whose records go to this queue. Default: all that no other queue names.'),
    format: Type.Optional(
      Type.Enum(['string', 'bytes'], {
        description:
          'Format of messages: `string` is MQSTR in UTF-8 (1208), `bytes` is none. A header `mq.Format` goes before it.',
        default: 'string'
      })
    ),
    headers: Type.Optional(
      Type.Enum(['all', 'descriptor', 'properties', 'none'], {
        description:
          'What a message takes over of its record: headers `mq.<Field>` into the message descriptor, all others as message properties, both, or neither.',
        default: 'all'
      })
    ),
    correlId: Type.Optional(
      Type.Enum(['key', 'header', 'msgId', 'none'], {
        description:
          'Correlation id: the record key (48 hexadecimal digits are the 24 bytes they write, of a key longer than 24 bytes the first 24 of its SHA-256), the header `mq.CorrelId`, the header `mq.MsgId` (a reply to the message captured), or none.',
        default: 'key'
      })
    ),
    persistence: Type.Optional(
      Type.Enum(['persistent', 'nonpersistent', 'queue'], {
        description: 'Of messages; `queue`: DEFPSIST of the queue. A header `mq.Persistence` goes before it.',
        default: 'persistent'
      })
    ),
    priority: Type.Optional(
      Type.Integer({
        description: "Of messages. Default: the queue's DEFPRTY. A header `mq.Priority` goes before it.",
        minimum: 0,
        maximum: 9
      })
    ),
    expiryMs: Type.Optional(
      Type.Integer({
        description:
          'How long a message may wait, to a tenth of a second. Default: without limit. A header `mq.Expiry` goes before it.',
        minimum: 1,
        maximum: 2_147_483_600
      })
    ),
    replyToQueue: Type.Optional(
      Type.String({
        description: 'Queue for replies: messages are requests. A header `mq.ReplyToQ` goes before it.',
        minLength: 1,
        maxLength: 48
      })
    ),
    replyToQueueManager: Type.Optional(
      Type.String({ description: 'Queue manager of `replyToQueue`.', minLength: 1, maxLength: 48 })
    ),
    messageType: Type.Optional(
      Type.Enum(['datagram', 'request', 'reply'], {
        description:
          'Type of messages. Default: the header `mq.MsgType`, else `request` with `replyToQueue`, else `datagram`.'
      })
    ),
    tombstones: Type.Optional(
      Type.Enum(['put', 'skip'], {
        description: 'Records without a value: a message without content, or none.',
        default: 'put'
      })
    ),
    properties: Type.Optional(
      Type.Record(Type.String(), Type.Enum([...recordFacts]), {
        description:
          'Further message properties by name, each with what it tells of the record: `topic`, `partition`, `offset`, `timestamp`, `key`, `transaction` (its sequence), `commitTime` (microseconds).',
        'x-key': '<property>'
      })
    )
  },
  { additionalProperties: false, 'x-may-be-empty': true }
)

const unitOfWork = Type.Object(
  {
    messages: whole('Messages.', 1, 1_000_000, 1_000),
    bytes: whole('Bytes of content.', 1, 1_073_741_824, 16_777_216)
  },
  {
    additionalProperties: false,
    default: {},
    description:
      'A unit of work takes no further transaction once it has so much. It ends before, as soon as no transaction waits.'
  }
)

const mq = Type.Object(
  {
    queueManager: Type.String({ description: 'Name of the queue manager.', minLength: 1, maxLength: 48 }),
    connection: Type.Optional(connection),
    stateQueue: Type.String({
      description: 'Queue of this sink alone, for its one state message: how far it has come.',
      minLength: 1,
      maxLength: 48
    }),
    transactions: Type.Optional(
      Type.Enum(['unit', 'group'], {
        description:
          'How a transaction stands in a queue: `unit`, as messages of one unit of work; `group`, as a message group besides.',
        default: 'unit'
      })
    ),
    largeTransactions: Type.Optional(
      Type.Enum(['stop', 'split'], {
        description:
          'What becomes of a transaction of more messages than MAXUMSGS of the queue manager allows in a unit of work: an error, or several units of work.',
        default: 'stop'
      })
    ),
    unitOfWork: Type.Optional(unitOfWork),
    openMsMax: whole('A unit of work that is not committed within this is backed out.', 1_000, 3_600_000, 60_000),
    queues: Type.Record(Type.String(), queue, {
      description: 'The queues to put to.',
      minProperties: 1,
      'x-key': '<queue>'
    })
  },
  { additionalProperties: false, description: 'The IBM MQ queue manager to put to.' }
)

const { brokers, tls, sasl } = agentKafka.properties
const kafka = Type.Object(
  { brokers, tls, sasl },
  { additionalProperties: false, description: 'The Kafka cluster to read from.' }
)

/** The configuration file of a sink as written. */
export const sinkSchema = Type.Object(
  {
    sink: Type.String({
      description: 'Name of this sink.',
      pattern: '^[A-Za-z0-9][A-Za-z0-9_.-]{0,49}$',
      'x-must': 'be 1 to 50 letters, digits, `_`, `.` or `-`, the first a letter or digit'
    }),
    commitStream: Type.Optional(
      Type.String({ description: 'Topic that carries the commit stream whose transactions are put.', minLength: 1 })
    ),
    topics: topicList(
      'With `commitStream`: only records of these topics. Without it: plain topics, whose records are put in the order of each partition.'
    ),
    from: Type.Optional(
      Type.String({
        description:
          'Where `apply` begins when there is no state yet: `earliest`, `latest`, or a bookmark of the commit stream. Later the state message alone counts.',
        default: 'earliest',
        minLength: 1
      })
    ),
    kafka,
    mq
  },
  { additionalProperties: false }
)

export type SinkFile = Static<typeof sinkSchema>
export type TargetFile = Static<typeof queue>
