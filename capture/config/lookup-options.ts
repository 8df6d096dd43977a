import { Type, type Static } from 'typebox'

const lookup = Type.Object(
  {
    file: Type.Optional(
      Type.String({
        description:
          'File with the rows, relative to this file: CSV whose first line names the columns, or a list of JSON objects. Read at the start.',
        pattern: '\\.(csv|json)$',
        'x-must': 'be a file ending in .csv or .json'
      })
    ),
    table: Type.Optional(
      Type.String({
        description:
          'Instead of a file: a table under `tables`, with REPLICA IDENTITY FULL. Its rows are those of the transaction that looks them up.',
        minLength: 1
      })
    ),
    key: Type.String({
      description: 'Column by which rows are found; of a table a primary key or unique NOT NULL column of its own.',
      minLength: 1
    }),
    bytesMax: Type.Optional(
      Type.Integer({
        description: 'Memory that its rows may take; beyond it the agent stops.',
        default: 67_108_864,
        minimum: 1_024,
        maximum: 4_294_967_296
      })
    ),
    definition: Type.Optional(
      Type.String({
        description:
          'Of an altered table: the digest that LOOKUP_ALTERED told, once it is known that nothing still to be published needs rows from before.',
        pattern: '^[0-9a-f]{16}$',
        'x-must': 'be 16 hexadecimal digits'
      })
    )
  },
  { additionalProperties: false }
)

export const lookups = Type.Record(Type.String(), lookup, {
  description: 'Rows in which columns look values up: `columns: {country: {lookup: {in: <name>, by: .., take: ..}}}`.',
  'x-key': '<name>'
})

export type LookupFile = Static<typeof lookup>
