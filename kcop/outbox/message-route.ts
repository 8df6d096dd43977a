import type { BuiltInProcessor } from '../processor.ts'
import type { AnnotatedSink } from '../record-sink.ts'
import { named } from '../routing/named-output.ts'
import type { OnFailure, OutboxMessageRule } from '../rules.ts'
import { OutboxMessageProcessor } from './outbox-message.ts'
import type { OutboxContext } from './protected-outbox.ts'

/** What is done with the logical messages of a prefix. */
export interface MessageRoute {
  readonly onFailure: OnFailure
  readonly builtIn: OutboxMessageProcessor
  /** The same, named to whoever shows records. */
  readonly output: Pick<BuiltInProcessor, 'process'>
}

export function messageRoute(rule: OutboxMessageRule, context: OutboxContext & { sink: AnnotatedSink }): MessageRoute {
  const { prefix, place, onFailure } = rule
  const builtIn = new OutboxMessageProcessor(rule, context)
  return { onFailure, builtIn, output: named({ name: `outbox message ${prefix}`, place }, builtIn, context.sink) }
}
