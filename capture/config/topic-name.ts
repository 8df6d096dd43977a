/** Kafka's own rule: org.apache.kafka.common.internals.Topic. */
export const topicNameLengthMax = 249
export const legalTopicPrefix = '^[A-Za-z0-9._-]{1,200}$'

/** Why Kafka would refuse `name` as a topic; null when it would not. */
export function topicNameFault(name: string): string | null {
  if (name.length === 0) return 'is empty'
  if (name === '.' || name === '..') return 'must not be . or ..'
  if (name.length > topicNameLengthMax) return `is longer than ${topicNameLengthMax} characters`
  if (!/^[A-Za-z0-9._-]+$/.test(name)) return 'may only hold letters, digits, `.`, `_` and `-`'
  return null
}

/** Topics whose names differ only in `.` and `_` share their metric names; Kafka refuses to create the second. */
export function topicMetricName(name: string): string {
  return name.replaceAll('.', '_')
}
