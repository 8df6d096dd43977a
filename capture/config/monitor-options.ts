import { Type, type Static } from 'typebox'

const limit = (description: string) => Type.Optional(Type.Number({ description }))
const measure = (what: string) => Type.Optional(Type.String({ description: `Column: ${what}`, minLength: 1 }))

const rule = Type.Object(
  {
    name: Type.String({ description: 'Name of the rule; the key of its records.', minLength: 1, maxLength: 200 }),
    topic: Type.String({ description: 'Monitoring topic.' }),
    table: Type.Optional(
      Type.Unsafe<string | string[]>({
        type: ['string', 'array'],
        items: { type: 'string' },
        minItems: 1,
        description: 'Table whose rows are looked at, or a list of them. Default, for `count`: every captured table.',
        'x-must': 'be a table of `tables`, or a list of them'
      })
    ),
    operations: Type.Optional(
      Type.Array(Type.Enum(['insert', 'update', 'delete']), {
        description: 'Which operations are looked at: of a delete the row before, else the row after.',
        default: ['insert', 'update'],
        minItems: 1,
        uniqueItems: true
      })
    ),
    where: Type.Optional(Type.String({ description: 'Condition on the row, as `filter`.', minLength: 1 })),
    count: Type.Optional(Type.Boolean({ description: 'Counts rows.' })),
    sum: measure('its values are added up, exactly.'),
    min: measure('its smallest value.'),
    max: measure('its largest value.'),
    above: limit('A record is sent when the amount is larger..'),
    below: limit('..smaller..'),
    equals: limit('..or just this. Of several limits all must hold.'),
    per: Type.Optional(
      Type.Enum(['operation', 'transaction'], {
        description: 'Whether each row is judged, or all rows of a transaction together, once.',
        default: 'operation'
      })
    )
  },
  { additionalProperties: false }
)

export const monitor = Type.Array(rule, {
  description: 'Rules that send a record to a monitoring topic, within the transaction they are about.'
})

export type MonitorFile = Static<typeof rule>
