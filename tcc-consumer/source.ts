import type { LogReader } from '@tidemark/kafka/log-reader.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { ConsumerOptions, ConsumerSettings } from './consumer-options.ts'
import type { GroupMembership } from './group-membership.ts'

/** What a consumer reads from and keeps its group's place with. */
export interface Source {
  reader: LogReader
  group(): GroupMembership
  close(): Promise<void>
}

/** Throws CONFIG_INVALID. Connects when first used. */
export function openSource(options: ConsumerOptions, _settings: ConsumerSettings): Source {
  if (options.reader !== undefined) return givenReader(options.reader)
  throw new TidemarkError('INTERNAL', { message: 'not yet' })
}

/** Whoever gave it closes it. */
function givenReader(reader: LogReader): Source {
  return {
    reader,
    group: () => {
      throw new TidemarkError('CONFIG_INVALID', {
        message: 'groupId: a group needs a cluster, and `reader` was given',
        place: 'option groupId',
        cure: 'give `brokers` instead of `reader`'
      })
    },
    close: () => Promise.resolve()
  }
}
