import { Type, type Static } from 'typebox'
import { kafka, topics } from './kafka-options.ts'
import { durationPattern } from './duration.ts'
import { outbox, tables } from './table-options.ts'
import { encryption } from './column-options.ts'
import { lookups } from './lookup-options.ts'
import { deadLetters } from './failure-options.ts'
import { debezium, registry } from './format-options.ts'
import { monitor } from './monitor-options.ts'
import { mq } from './mq-options.ts'
import { processors } from './processor-options.ts'

const postgres = Type.Object(
  {
    url: Type.String({
      description:
        'Connection URL: `postgres://user:password@host:port/database`. Query parameters as of the `pg` client, for example `?sslmode=verify-full&sslrootcert=/etc/ssl/ca.pem`.',
      pattern: '^postgres(ql)?://',
      'x-must': 'be a URL like postgres://user:password@host:5432/database',
      'x-secret': true
    }),
    publication: Type.Optional(
      Type.String({
        description: 'Name of the publication. Default: `tidemark_<subscription>`.',
        minLength: 1,
        maxLength: 63
      })
    ),
    slot: Type.Optional(
      Type.String({
        description: 'Name of the replication slot. Default: `tidemark_<subscription>`.',
        pattern: '^[a-z0-9_]{1,63}$',
        'x-must': 'be 1 to 63 lower-case letters, digits or _'
      })
    )
  },
  { additionalProperties: false, description: 'The PostgreSQL database to capture from.' }
)

/** The configuration file as written: the source of its types, of its validation and of the published JSON Schema. */
export const configurationSchema = Type.Object(
  {
    subscription: Type.String({
      description:
        'Name of this set of tables; the default names of publication, slot, topics and commit stream come from it.',
      pattern: '^[A-Za-z0-9][A-Za-z0-9_.-]{0,49}$',
      'x-must': 'be 1 to 50 letters, digits, `_`, `.` or `-`, the first a letter or digit'
    }),
    postgres: Type.Optional(postgres),
    kafka,
    commitStream: Type.Optional(
      Type.String({ description: 'Topic that carries the commit stream. Default: `<subscription>.commits`.' })
    ),
    commitStreamRetention: Type.Optional(
      Type.String({
        description:
          'How long the commit stream is kept, for example `30d` (`s`, `m`, `h`, `d`): the agent removes what was written longer ago. A reader that lags more stops with STREAM_TRIMMED. Default: for ever.',
        pattern: durationPattern,
        'x-must': 'be a whole number with `s`, `m`, `h` or `d`, for example 30d'
      })
    ),
    topics: Type.Optional(topics),
    tables: Type.Optional(tables),
    outbox: Type.Optional(outbox),
    registry: Type.Optional(registry),
    debezium: Type.Optional(debezium),
    monitor: Type.Optional(monitor),
    processors: Type.Optional(processors),
    deadLetters: Type.Optional(deadLetters),
    encryption: Type.Optional(encryption),
    lookups: Type.Optional(lookups),
    mq: Type.Optional(mq)
  },
  { additionalProperties: false }
)

export type ConfigurationFile = Static<typeof configurationSchema>

export const schemaId = 'urn:tidemark:configuration:1'

/** The JSON Schema as published: editors complete from it through `# yaml-language-server: $schema=`. */
export function publishedSchema(): Record<string, unknown> {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    $id: schemaId,
    title: 'Tidemark configuration',
    ...configurationSchema
  }
}
