import { jsonPathPattern } from '@tidemark/kcop/content/json-path.ts'
import { Type, type Static } from 'typebox'
import { onFailure } from './failure-options.ts'

const tls = Type.Object(
  {
    cipherSpec: Type.String({
      description: 'CipherSpec of the channel, for example `ANY_TLS12_OR_HIGHER`.',
      minLength: 1
    }),
    keyRepository: Type.Optional(
      Type.String({
        description: 'Key repository with the certificates to trust, as the MQ client wants it.',
        minLength: 1
      })
    ),
    keyRepositoryPassword: Type.Optional(
      Type.String({ description: 'Password of the key repository, where it has no stash file.', 'x-secret': true })
    ),
    certificateLabel: Type.Optional(Type.String({ description: "Label of the client's own certificate." })),
    peerName: Type.Optional(Type.String({ description: "Distinguished name the server's certificate must have." }))
  },
  { additionalProperties: false, description: 'An encrypted channel.' }
)

export const connection = Type.Object(
  {
    channel: Type.Optional(
      Type.String({
        description:
          'Server-connection channel. Without it and `ccdtUrl`: bindings, on the machine of the queue manager.',
        minLength: 1,
        maxLength: 20
      })
    ),
    name: Type.Optional(
      Type.String({
        description: 'Where the queue manager listens: `host(port)`, several with commas between.',
        pattern: '^[^(),\\s]+(\\(\\d+\\))?(,[^(),\\s]+(\\(\\d+\\))?)*$',
        'x-must': 'be host(port), for example mq.example.com(1414)'
      })
    ),
    ccdtUrl: Type.Optional(
      Type.String({ description: 'Client channel definition table, in place of `channel` and `name`.' })
    ),
    user: Type.Optional(Type.String({ description: 'User that connects.', minLength: 1 })),
    password: Type.Optional(
      Type.String({ description: 'Password; give it as `${VAR}` or `${file:path}`.', 'x-secret': true })
    ),
    tls: Type.Optional(tls)
  },
  { additionalProperties: false, default: {}, description: 'How to reach the queue manager.' }
)

export const whole = (description: string, minimum: number, maximum: number, byDefault: number) =>
  Type.Optional(Type.Integer({ description, minimum, maximum, default: byDefault }))

const queue = Type.Object(
  {
    topic: Type.Optional(Type.String({ description: 'Topic of its records. Default: `<prefix>.<queue>`.' })),
    unit: Type.Optional(
      Type.Enum(['group', 'message', 'batch'], {
        description:
          'What makes a transaction: a message group, whole and in its order (a message outside any group is one by itself), each message, or up to `batchMessages` of them.',
        default: 'message'
      })
    ),
    batchMessages: whole('Messages of one transaction, at most, where `unit` is `batch`.', 1, 4_000, 100),
    batchMs: whole(
      'How long an open batch waits for a further message; 0: it ends when the queue is empty.',
      0,
      60_000,
      0
    ),
    content: Type.Optional(
      Type.Enum(['bytes', 'text', 'json', 'xml'], {
        description:
          'What a message holds: `bytes`, which go on as they are; `text`, which must be UTF-8; `json`, which must be JSON and goes on as it is; `xml`, which becomes JSON. A message that holds something else fails: `onFailure`, or the backout queue.',
        default: 'bytes'
      })
    ),
    repeatedElements: Type.Optional(
      Type.Array(
        Type.String({
          pattern: '^[^/\\s]+(/[^/\\s]+)+$',
          'x-must': 'be names from the root element on, for example order/line'
        }),
        {
          description:
            'Of XML: elements that may come several times, by their path from the root (`order/line`). They are arrays in the JSON even where there is one; others are only where there are more.',
          maxItems: 1_000
        }
      )
    ),
    key: Type.Optional(
      Type.String({
        description:
          'Record key: `msgId`, `correlId`, `groupId` (of a message outside any group, its `msgId`), `none`, or a path such as `$.order.id` or `$.lines[0].sku` into the JSON that the message holds or, as XML, becomes. Default: `groupId` for `unit: group`, else `msgId`.',
        pattern: `^(none|msgId|correlId|groupId|${jsonPathPattern})$`,
        'x-must': 'be none, msgId, correlId, groupId or a path like $.order.id'
      })
    ),
    headers: Type.Optional(
      Type.Enum(['all', 'descriptor', 'properties', 'none'], {
        description:
          'What stands in the headers of a record: fields of the message descriptor, message properties, both, or neither.',
        default: 'all'
      })
    ),
    convert: Type.Optional(
      Type.Boolean({
        description:
          'Whether the queue manager converts character data to UTF-8. Messages without a format, such as copybook data, stay as they are.',
        default: true
      })
    ),
    backoutThreshold: Type.Optional(
      Type.Integer({ description: "In place of the queue's BOTHRESH; 0: never set a message aside.", minimum: 0 })
    ),
    backoutQueue: Type.Optional(
      Type.String({ description: "In place of the queue's BOQNAME.", minLength: 1, maxLength: 48 })
    ),
    deadLetterQueue: Type.Optional(
      Type.Boolean({
        description:
          'Whether messages that failed as often as BOTHRESH says go to the dead-letter queue of the queue manager (DEADQ), behind an MQDLH, where there is no BOQNAME. Without it they stop the agent.',
        default: false
      })
    ),
    processor: Type.Optional(
      Type.String({
        description: 'File of a processor, relative to this file, that makes the records instead.',
        minLength: 1
      })
    ),
    onFailure: Type.Optional(onFailure)
  },
  { additionalProperties: false, 'x-may-be-empty': true }
)

const unitOfWork = Type.Object(
  {
    messages: whole('Messages.', 1, 4_000, 4_000),
    bytes: whole('Bytes of content.', 1, 1_073_741_824, 16_777_216),
    ms: whole('Milliseconds since its first message.', 1, 60_000, 1_000)
  },
  {
    additionalProperties: false,
    default: {},
    description: 'A unit of work is committed, at the end of a transaction, as soon as it has so much.'
  }
)

/** The options below `mq:` as written. */
export const mq = Type.Object(
  {
    queueManager: Type.String({ description: 'Name of the queue manager.', minLength: 1, maxLength: 48 }),
    connection: Type.Optional(connection),
    unitOfWork: Type.Optional(unitOfWork),
    openMsMax: whole('A unit of work that Kafka does not take within this is backed out.', 1_000, 600_000, 30_000),
    messageBytesMax: whole('Largest message that is read.', 1, 104_857_600, 4_194_304),
    monitoringTopic: Type.Optional(
      Type.String({
        description:
          'Monitoring topic that gets a record for every message moved to its backout queue, named in the commit stream with the unit of work that moves it.'
      })
    ),
    queues: Type.Record(Type.String(), queue, {
      description: 'The queues to capture. Each is opened exclusively.',
      minProperties: 1,
      // Frames of the reader have one byte for the queue.
      maxProperties: 256,
      'x-key': '<queue>'
    })
  },
  { additionalProperties: false, description: 'An IBM MQ queue manager to capture from, instead of `postgres`.' }
)

export type MqFile = Static<typeof mq>
export type MqQueueFile = Static<typeof queue>
