import { Type, type Static, type TObject, type TSchema, type TUnsafe } from 'typebox'
import { onFailure } from './failure-options.ts'
import { columnRules, columns, filter, headers, partition, restricted } from './column-options.ts'

const column = (description: string, byDefault: string) =>
  Type.Optional(Type.String({ description, minLength: 1, default: byDefault }))

const formats = [
  'json',
  'avro',
  'csv',
  'csv-journal',
  'audit',
  'audit-single',
  'audit-avro',
  'audit-single-avro',
  'debezium',
  'debezium-avro',
  'cloudevents'
] as const
const format = Type.Enum([...formats], { description: 'What the records of the table look like.', default: 'json' })

const deletes = Type.Enum(['tombstone', 'content', 'both', 'none'], {
  description:
    'What a deleted row becomes: a tombstone, a record with the old content, the content and then the tombstone, or nothing. Default: `both` for `format: debezium` and `debezium-avro`, else `tombstone`.'
})

const topic = (description: string) =>
  Type.String({ description: `${description} May hold {schema}, {table}, {operation} and {column.<name>}.` })

const key = Type.Array(Type.String({ minLength: 1 }), {
  description: 'Columns that make the record key, in this order. Default: the primary key.',
  minItems: 1,
  uniqueItems: true
})

const also = Type.Array(
  Type.Object(
    {
      topic: topic('Topic of this further record.'),
      restricted: Type.Optional(restricted),
      columns: Type.Optional(columns),
      format: Type.Optional(withoutDefault(format)),
      key: Type.Optional(key),
      deletes: Type.Optional(deletes),
      headers: Type.Optional(headers),
      partition: Type.Optional(withoutDefault(partition)),
      filter: Type.Optional(filter)
    },
    { additionalProperties: false }
  ),
  {
    description:
      "The same operation again: to another topic, otherwise shaped. What is not given is as in the table's own entry, protections included; `columns: all` lifts them and is for restricted topics."
  }
)

/** In a further output what is not given comes from the table. */
function withoutDefault<T extends TSchema>(schema: T): T {
  const { default: _, ...rest } = schema as TSchema & { default?: unknown }
  return rest as T
}

/** An object that may be written as an empty YAML value: `public.account:`. */
function mayBeEmpty<T extends TObject>(schema: T): TUnsafe<Static<T>> {
  return Type.Unsafe<Static<T>>({ ...schema, 'x-may-be-empty': true })
}

const table = Type.Object(
  {
    topic: Type.Optional(topic('Topic of its records. Default: `<prefix>.<schema>.<table>`.')),
    restricted: Type.Optional(restricted),
    format: Type.Optional(format),
    key: Type.Optional(key),
    deletes: Type.Optional(deletes),
    processor: Type.Optional(
      Type.String({
        description: 'File of a processor (KCOP), relative to the configuration file.',
        pattern: '\\.(ts|mts|js|mjs)$',
        'x-must': 'be a file ending in .ts, .mts, .js or .mjs'
      })
    ),
    onFailure: Type.Optional(onFailure),
    refresh: Type.Optional(
      Type.Boolean({ description: 'Whether `apply` copies the rows that are present at the start.', default: true })
    ),
    columns: Type.Optional(columns),
    headers: Type.Optional(headers),
    partition: Type.Optional(partition),
    filter: Type.Optional(filter),
    also: Type.Optional(also)
  },
  { additionalProperties: false }
)

export const tables = Type.Record(Type.String(), mayBeEmpty(table), {
  description:
    'The tables to capture, as `schema.table`, exactly as the catalogue has the names (no folding to lower case).',
  'x-key': '<schema.table>'
})

const additionalColumn = Type.Object(
  {
    column: Type.String({ description: 'Column of the outbox table.', minLength: 1 }),
    as: Type.Enum(['header', 'envelope', 'partition'], {
      description: "Where its value goes: a record header, a field beside the payload, or the record's partition."
    }),
    name: Type.Optional(Type.String({ description: 'Name of the header or field. Default: the column.', minLength: 1 }))
  },
  { additionalProperties: false }
)

const outboxTable = Type.Object(
  {
    id: column('Column with the unique id of the event; becomes the header `id`.', 'id'),
    key: column('Column whose value becomes the record key.', 'aggregateid'),
    payload: column('Column whose content becomes the record value.', 'payload'),
    routeBy: column('Column whose value decides the topic.', 'aggregatetype'),
    routePattern: Type.Optional(
      Type.String({
        description:
          'Regular expression that the whole value of `routeBy` is matched with; its named groups make the topic.',
        default: '(?<routedByValue>.*)'
      })
    ),
    topic: Type.Optional(
      Type.String({
        description:
          'Name of the topic; `${routedByValue}` stands for the group of that name in `routePattern`, other groups are written `$${name}`.',
        default: 'outbox.event.${routedByValue}'
      })
    ),
    timestamp: Type.Optional(Type.String({ description: 'Column with the time of the event.', minLength: 1 })),
    schemaVersion: Type.Optional(
      Type.String({ description: "Column with the version of the payload's schema.", minLength: 1 })
    ),
    tracing: column('Column with a trace context; becomes headers.', 'tracingspancontext'),
    additional: Type.Optional(
      Type.Array(additionalColumn, { description: 'Further columns to send along.', default: [] })
    ),
    expandJson: Type.Optional(
      Type.Boolean({ description: 'Whether a payload that is JSON text is sent as JSON.', default: false })
    ),
    tombstoneOnEmptyPayload: Type.Optional(
      Type.Boolean({ description: 'Whether a payload of NULL becomes a tombstone.', default: false })
    ),
    onUpdate: Type.Optional(
      Type.Enum(['warn', 'error', 'fatal'], {
        description:
          'An outbox row that is updated breaks the convention: log a warning, log an error, or stop. Deletes are always ignored.',
        default: 'warn'
      })
    ),
    onFailure: Type.Optional(onFailure),
    columns: Type.Optional(columnRules)
  },
  { additionalProperties: false }
)

/** Not a union, so that a mistake within is told where it is. */
const messages = Type.Unsafe<string | string[] | Record<string, OutboxTableFile>>({
  type: ['string', 'array', 'object'],
  minLength: 1,
  items: { type: 'string', minLength: 1 },
  additionalProperties: mayBeEmpty(outboxTable),
  description:
    'Logical messages (`pg_logical_emit_message`) that carry outbox events: a prefix, a list of them, or a mapping of prefixes to the options of an outbox table, whose columns are then the fields of the message.',
  'x-key': '<prefix>',
  'x-must': 'be a prefix, a list of prefixes, or a mapping of prefixes to options'
})

export type OutboxTableFile = Static<typeof outboxTable>

/** JSON Schema says "`message`, and every other key a table"; the type system cannot, so `message` is taken out by hand. */
export const outbox = Type.Unsafe<
  Record<string, OutboxTableFile | string | string[] | Record<string, OutboxTableFile>>
>({
  type: 'object',
  description:
    "Outbox tables as `schema.table`, with the columns and defaults of Debezium's event router, and `message`: prefixes of logical messages.",
  properties: { message: messages },
  additionalProperties: mayBeEmpty(outboxTable),
  'x-key': '<schema.table>'
})

export type TableFile = Static<typeof table>
export type AlsoFile = NonNullable<TableFile['also']>[number]
export type Format = Static<typeof format>
export type Deletes = Static<typeof deletes>
export type AdditionalColumn = Static<typeof additionalColumn>
