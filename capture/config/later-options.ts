import { Type } from 'typebox'

/** Options whose shape is settled but whose feature is not built: known here, refused by unavailable.ts. */

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
