/** org.apache.kafka.common.internals.Topic: what a broker accepts as a name. */
const lengthMax = 249

/** Why Kafka would refuse the name; null when it is legal. */
export function topicNameFault(name: string): string | null {
  if (name.length === 0) return 'is empty'
  if (name === '.' || name === '..') return 'must not be . or ..'
  if (name.length > lengthMax) return `is longer than ${lengthMax} characters`
  if (!/^[A-Za-z0-9._-]+$/.test(name)) return 'may only hold letters, digits, `.`, `_` and `-`'
  return null
}
