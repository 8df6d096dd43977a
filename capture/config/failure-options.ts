import { Type } from 'typebox'
import { restricted } from './column-options.ts'

export const onFailure = Type.Enum(['stop', 'park', 'skip'], {
  description:
    'What becomes of an operation that cannot be processed (a processor fails on it, a value cannot be written, a record is too large): the agent stops before it; or it is set aside in `deadLetters` and named to readers; or it is left out, counted and logged. Its other records are withdrawn.',
  default: 'stop'
})

export const deadLetters = Type.Object(
  {
    topic: Type.Optional(
      Type.String({ description: 'Topic of the dead letters. Default: `<prefix>.dead-letters`.', minLength: 1 })
    ),
    restricted: Type.Optional(restricted)
  },
  {
    additionalProperties: false,
    'x-may-be-empty': true,
    description: 'Where operations of tables, outboxes and queues with `onFailure: park` are set aside.'
  }
)
