import { Type, type Static } from 'typebox'

/** Options below `processors:` as written. */
export const processors = Type.Object(
  {
    callMsMax: Type.Optional(
      Type.Integer({
        description: 'A call of a processor that takes longer ends the agent (PROCESSOR_STUCK).',
        minimum: 100,
        maximum: 600_000,
        default: 10_000
      })
    ),
    memoryBytesMax: Type.Optional(
      Type.Integer({
        description: 'A call of a processor during which the process grows by more ends the agent (PROCESSOR_MEMORY).',
        minimum: 16_777_216,
        maximum: 68_719_476_736,
        default: 536_870_912
      })
    )
  },
  { additionalProperties: false, default: {}, description: 'Limits for the processors of all tables and queues.' }
)

export type ProcessorsFile = Static<typeof processors>
