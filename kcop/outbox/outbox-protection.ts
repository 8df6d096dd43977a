import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { placeOf } from '../routing/rule-place.ts'
import { outboxDefaults, type OutboxSourceRule } from '../rules.ts'

/** An outbox as the output that column plans are made for; its key is named by the caller. */
export function outputShape({ topic, columns, place }: OutboxSourceRule) {
  const none = { format: 'json', deletes: 'none', headers: [], partition: 'key', filter: null } as const
  return { topic, columns, place, ...none }
}

/**
 * The column that routes is in the topic's name; what is bound to a topic needs one known beforehand. `name`: of the
 * outbox, for messages. Throws CONFIG_INVALID.
 */
export function requireOpen(rule: OutboxSourceRule, name: string): void {
  const { columns, routeBy, topic, routePattern } = rule
  const invalid = (message: string, cure: string) =>
    new TidemarkError('CONFIG_INVALID', { message: `outbox ${name}: ${message}`, cure, ...placeOf(rule) })
  const kinds = columns.protected.map(({ column, protection }) => ({ column, kind: protection.kind }))
  if (kinds.some(({ column }) => column === routeBy)) {
    throw invalid(`column ${routeBy} names the topic and cannot be protected`, 'route by another column')
  }
  const bound = kinds.find(({ kind }) => kind === 'encrypt' || kind === 'encrypt-subject' || kind === 'rsa')
  const oneTopic = !topic.includes('${') && routePattern === outboxDefaults.routePattern
  if (bound === undefined || oneTopic) return
  throw invalid(
    `\`${bound.kind}\` binds column ${bound.column} to a topic, but each event chooses its own`,
    'set `topic` to one name, or protect the column by deterministic, tokenise, mask or hash'
  )
}
