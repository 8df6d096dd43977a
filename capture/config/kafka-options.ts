import { Type } from 'typebox'
import { legalTopicPrefix } from './topic-name.ts'

const tls = Type.Object(
  {
    ca: Type.Optional(
      Type.String({ description: "PEM of the authorities to trust instead of Node's own; `${file:ca.pem}`." })
    ),
    cert: Type.Optional(Type.String({ description: "PEM of the client's certificate, for mutual TLS." })),
    key: Type.Optional(Type.String({ description: "PEM of the client's private key.", 'x-secret': true })),
    passphrase: Type.Optional(Type.String({ description: 'Passphrase of `key`.', 'x-secret': true })),
    serverName: Type.Optional(
      Type.String({ description: "Name the broker's certificate must carry. Default: the host connected to." })
    )
  },
  {
    additionalProperties: false,
    description: 'Encrypted connections. `{}` turns TLS on with the defaults; leave out for plain text.',
    'x-may-be-empty': true
  }
)

const sasl = Type.Object(
  {
    mechanism: Type.Enum(['plain', 'scram-sha-256', 'scram-sha-512'], { description: 'How the broker authenticates.' }),
    username: Type.String({ description: 'User name.', minLength: 1 }),
    password: Type.String({ description: 'Password; give it as `${VAR}` or `${file:path}`.', 'x-secret': true })
  },
  { additionalProperties: false, description: 'Credentials. Leave out for none.' }
)

export const kafka = Type.Object(
  {
    brokers: Type.Array(Type.String({ minLength: 1, 'x-must': 'be host:port, for example 127.0.0.1:9092' }), {
      minItems: 1,
      description: 'Some brokers as `host:port` (9092 when left out); the others are found through them.'
    }),
    tls: Type.Optional(tls),
    sasl: Type.Optional(sasl),
    compression: Type.Optional(
      Type.Enum(['none', 'gzip', 'snappy', 'lz4', 'zstd'], {
        description: 'Of the record batches written. `none` is fastest; `lz4` costs least of the others.',
        default: 'none'
      })
    )
  },
  { additionalProperties: false, description: 'The Kafka cluster to write to.' }
)

export const topics = Type.Object(
  {
    partitions: Type.Optional(
      Type.Integer({ description: 'Partitions of data topics it creates.', minimum: 1, maximum: 10_000, default: 6 })
    ),
    replication: Type.Optional(
      Type.Integer({
        description:
          "Replication factor of topics it creates, the commit stream included. Default: the cluster's own default.",
        minimum: 1,
        maximum: 100
      })
    ),
    prefix: Type.Optional(
      Type.String({
        description:
          'First part of the default topic name `<prefix>.<schema>.<table>`. Default: the name of the subscription.',
        pattern: legalTopicPrefix,
        'x-must': 'be letters, digits, `.`, `_` or `-`'
      })
    )
  },
  { additionalProperties: false, default: {}, description: 'Defaults for topics that `apply` creates.' }
)
