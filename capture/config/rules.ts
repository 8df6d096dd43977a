import { brokerAddress } from '@tidemark/kafka/connection-options.ts'
import type { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { commitStreamOf } from './completion.ts'
import { derivedFaults } from './derived-rules.ts'
import { failureFaults } from './failure-rules.ts'
import { formatFaults } from './format-rules.ts'
import { keyFaults } from './key-rules.ts'
import { monitorFaults } from './monitor-rules.ts'
import { messageEntries } from './outbox-messages.ts'
import { outputFaults } from './output-rules.ts'
import { mqFaults } from './mq-configuration.ts'
import { invalid, type ReferenceSource } from './references.ts'
import type { ConfigurationFile } from './schema.ts'
import type { OutboxTableFile } from './table-options.ts'
import { topicFault } from './topic-rules.ts'
import { parseTableName } from './table-name.ts'
import { escapePointer, readablePath, type YamlDocument } from './yaml-document.ts'

/** What a schema cannot say: rules over several entries, and names. One CONFIG_INVALID for each fault. */
export function ruleFaults(
  written: ConfigurationFile,
  document: YamlDocument,
  references: ReferenceSource
): TidemarkError[] {
  return [
    ...sourceFaults(written, document),
    ...postgresFaults(written, document),
    ...kafkaFaults(written, document),
    ...tableNameFaults(written, document),
    ...topicFaults(written, document),
    ...outputFaults(written, document),
    ...monitorFaults(written, document),
    ...failureFaults(written, document),
    ...formatFaults(written, document),
    ...keyFaults(written, document, references),
    ...derivedFaults(written, document, references),
    ...outboxFaults(written, document),
    ...mqFaults(written, document)
  ]
}

function sourceFaults(written: ConfigurationFile, document: YamlDocument): TidemarkError[] {
  const faults: TidemarkError[] = []
  if (written.postgres && written.mq) {
    faults.push(
      invalid('`postgres` and `mq` are both given', document.placeOf('/mq', 'key'), 'make a subscription of each')
    )
  }
  if (written.mq && !written.postgres && !(isEmpty(written.tables) && isEmpty(written.outbox))) {
    const place = document.placeOf(isEmpty(written.tables) ? '/outbox' : '/tables', 'key')
    faults.push(invalid('a subscription to queues has no tables', place, 'make a subscription of each'))
  }
  if (!written.postgres && !written.mq) {
    faults.push(invalid('`postgres` is missing', document.placeOf(''), 'add `postgres: {url: postgres://...}`'))
  }
  if (written.postgres && isEmpty(written.tables) && isEmpty(written.outbox)) {
    faults.push(
      invalid('nothing to capture', document.placeOf('/tables', 'key'), 'name a table under `tables` or `outbox`')
    )
  }
  return faults
}

function isEmpty(mapping: object | undefined): boolean {
  return Object.keys(mapping ?? {}).length === 0
}

function postgresFaults(written: ConfigurationFile, document: YamlDocument): TidemarkError[] {
  if (!written.postgres) return []
  const place = document.placeOf('/postgres/url')
  const cure = 'it must be a URL like postgres://user:password@host:5432/database'
  const encoded = 'write special characters of the password as %XX'
  if (!URL.canParse(written.postgres.url)) return [invalid('`postgres.url` is not a URL', place, `${cure}; ${encoded}`)]
  const database = new URL(written.postgres.url).pathname.slice(1)
  if (database === '') return [invalid('`postgres.url` names no database', place, cure)]
  if (database.includes('/'))
    return [invalid('`postgres.url` has a path behind its host', place, `${cure}; ${encoded}`)]
  return []
}

function kafkaFaults({ kafka }: ConfigurationFile, document: YamlDocument): TidemarkError[] {
  const faults = kafka.brokers.flatMap((broker, index) => brokerFault(broker, `/kafka/brokers/${index}`, document))
  if (kafka.tls && (kafka.tls.cert === undefined) !== (kafka.tls.key === undefined)) {
    const message = 'a client certificate needs both `kafka.tls.cert` and `kafka.tls.key`'
    faults.push(invalid(message, document.placeOf('/kafka/tls', 'key'), 'give both or neither'))
  }
  return faults
}

function brokerFault(broker: string, path: string, document: YamlDocument): TidemarkError[] {
  try {
    brokerAddress(broker)
    return []
  } catch {
    const message = `\`${readablePath(path)}\` is not the address of a broker`
    return [invalid(message, document.placeOf(path), 'write `host:port`, or `[address]:port` for IPv6')]
  }
}

function tableNameFaults(written: ConfigurationFile, document: YamlDocument): TidemarkError[] {
  const paths = [
    ...Object.keys(written.tables ?? {}).map(name => ['tables', name] as const),
    ...outboxTableNames(written).map(name => ['outbox', name] as const)
  ]
  return paths.flatMap(([section, name]) => {
    const fault = parseTableName(name)
    if (typeof fault !== 'string') return []
    const path = `/${section}/${escapePointer(name)}`
    return [invalid(`the table name \`${name}\` ${fault}`, document.placeOf(path, 'key'), 'write `schema.table`')]
  })
}

function outboxTableNames(written: ConfigurationFile): string[] {
  return Object.keys(written.outbox ?? {}).filter(name => name !== 'message')
}

function topicFaults(written: ConfigurationFile, document: YamlDocument): TidemarkError[] {
  const commitStream = commitStreamOf(written)
  const faults = topicFault(commitStream, '/commitStream', '/subscription', 'commitStream', document)
  return faults
}

function outboxFaults(written: ConfigurationFile, document: YamlDocument): TidemarkError[] {
  const tables = outboxTableNames(written).map(name => {
    const at = `/outbox/${escapePointer(name)}`
    return { at, entry: written.outbox![name] as OutboxTableFile, faults: bothFault(name, at, written, document) }
  })
  const messages = messageEntries(written.outbox).map(({ at, entry }) => ({ at, entry, faults: [] }))
  return [...tables, ...messages].flatMap(({ at, entry, faults }) => {
    const route = entry as { topic: string; routePattern: string }
    return [
      ...faults,
      ...routeFaults(route, at, document),
      ...topicFault(route.topic.replaceAll(groupReference, 'x'), `${at}/topic`, at, 'topic', document)
    ]
  })
}

function bothFault(name: string, at: string, written: ConfigurationFile, document: YamlDocument): TidemarkError[] {
  if (!written.tables || !(name in written.tables)) return []
  const message = `table ${name} stands under both \`tables\` and \`outbox\``
  return [invalid(message, document.placeOf(at, 'key'), 'leave it in one of them')]
}

const groupReference = /\$\{(\w+)\}/g

/** The pattern compiles, and the topic names no group it has not. */
function routeFaults(
  table: { topic: string; routePattern: string },
  at: string,
  document: YamlDocument
): TidemarkError[] {
  const groups = groupsOf(table.routePattern)
  if (groups === null) {
    const message = `\`${readablePath(`${at}/routePattern`)}\` is not a regular expression`
    return [invalid(message, document.placeOf(`${at}/routePattern`), 'write it as in JavaScript: (?<routedByValue>.*)')]
  }
  const unknown = [...table.topic.matchAll(groupReference)].map(match => match[1]!).filter(name => !groups.has(name))
  return unknown.map(name => {
    const message = `\`routePattern\` of \`${readablePath(at)}\` has no group ${name}, which \`topic\` names`
    return invalid(message, document.placeOf(`${at}/topic`), `add (?<${name}>...) to the pattern`)
  })
}

/** Names of a pattern's groups; null when it does not compile. The empty alternative makes any pattern match. */
function groupsOf(pattern: string): ReadonlySet<string> | null {
  try {
    return new Set(Object.keys(RegExp(`${pattern}|`).exec('')?.groups ?? {}))
  } catch {
    return null
  }
}
