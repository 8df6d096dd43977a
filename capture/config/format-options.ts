import { Type, type Static } from 'typebox'

export const registry = Type.Object(
  {
    url: Type.String({
      description: 'URL of a schema registry with the API of the Confluent Schema Registry.',
      pattern: '^https?://[^/@]+(/.*)?$',
      'x-must': 'be a URL like https://registry.example.com:8081, without user and password'
    }),
    username: Type.Optional(Type.String({ description: 'User name, for basic authentication.', minLength: 1 })),
    password: Type.Optional(
      Type.String({ description: 'Password; give it as `${VAR}` or `${file:path}`.', 'x-secret': true })
    ),
    token: Type.Optional(
      Type.String({ description: 'Bearer token, instead of user name and password.', minLength: 1, 'x-secret': true })
    ),
    ca: Type.Optional(
      Type.String({ description: "PEM of the authorities to trust instead of Node's own; `${file:ca.pem}`." })
    ),
    subjects: Type.Optional(
      Type.Enum(['topic', 'record', 'topic-record'], {
        description:
          'Names of subjects: `<topic>-key` and `<topic>-value`; the full name of the record; or the topic and that name.',
        default: 'topic'
      })
    )
  },
  { additionalProperties: false, description: 'Where `format: avro` and `debezium-avro` register their schemas.' }
)

export const debezium = Type.Object(
  {
    decimal: Type.Optional(
      Type.Enum(['precise', 'string'], {
        description:
          "How `format: debezium` writes numeric and money: as Debezium's default, unscaled bytes in base64; or as strings, which can tell NaN.",
        default: 'precise'
      })
    )
  },
  { additionalProperties: false, default: {}, description: 'Options of `format: debezium`.' }
)

export type RegistryFile = Static<typeof registry>
export type DebeziumFile = Static<typeof debezium>
