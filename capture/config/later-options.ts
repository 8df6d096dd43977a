import { Type } from 'typebox'

/** Options whose shape is settled but whose feature is not built: known here, refused by unavailable.ts. */

export const monitor = Type.Array(
  Type.Object(
    {
      name: Type.String(),
      topic: Type.String(),
      table: Type.String(),
      sum: Type.Optional(Type.String({ description: 'Column to add up.' })),
      above: Type.Optional(Type.Number({ description: 'Limit above which a record is sent.' })),
      per: Type.Optional(Type.Enum(['operation', 'transaction'], { default: 'operation' }))
    },
    { additionalProperties: false }
  ),
  { description: 'Rules that send a record to a monitoring topic.' }
)

export const mq = Type.Object(
  {
    queueManager: Type.String(),
    connection: Type.Object({ channel: Type.String(), name: Type.String() }, { additionalProperties: false }),
    queues: Type.Record(
      Type.String(),
      Type.Object(
        {
          topic: Type.String(),
          unit: Type.Optional(Type.Enum(['group', 'message', 'batch'], { default: 'message' }))
        },
        { additionalProperties: false }
      ),
      { 'x-key': '<queue>' }
    )
  },
  { additionalProperties: false, description: 'An IBM MQ queue manager to capture from, instead of `postgres`.' }
)
