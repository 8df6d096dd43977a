import { Type, type Static } from 'typebox'

const lookup = Type.Object(
  {
    file: Type.String({
      description:
        'File with the rows, relative to this file: CSV whose first line names the columns, or a list of JSON objects. Read at the start.',
      pattern: '\\.(csv|json)$',
      'x-must': 'be a file ending in .csv or .json'
    }),
    key: Type.String({ description: 'Column of the file by which its rows are found.', minLength: 1 }),
    bytesMax: Type.Optional(
      Type.Integer({
        description: 'Memory that its rows may take; beyond it the agent does not start.',
        default: 67_108_864,
        minimum: 1_024,
        maximum: 4_294_967_296
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
