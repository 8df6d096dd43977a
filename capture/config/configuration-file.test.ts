import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { isTidemarkError, type TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { parseConfiguration, readConfiguration } from './configuration-file.ts'
import type { Configuration } from './configuration.ts'
import type { ReferenceSource } from './references.ts'

const variables: Record<string, string> = { PGPASSWORD: 'hush-hush', PARTITIONS: '12', EMPTY: '', ODD: 'p@ss/w' }
const files: Record<string, string> = { 'kafka.secret': 'from-a-file\n', 'ca.pem': 'PEM\nPEM\n' }
const references: ReferenceSource = {
  variable: name => variables[name],
  file(path) {
    const content = files[path]
    if (content === undefined) throw Object.assign(new Error('no'), { code: 'ENOENT' })
    return content
  }
}

const minimal = `subscription: bank
postgres:
  url: postgres://tidemark:\${PGPASSWORD}@127.0.0.1:5432/bank
kafka:
  brokers: [127.0.0.1:9092]
tables:
  public.account:
`

function accepted(text: string): Configuration {
  const read = parseConfiguration(text, 'tidemark.yaml', references)
  if ('faults' in read) assert.fail(read.faults.map(fault => fault.format()).join('\n'))
  return read.configuration
}

function refused(text: string): readonly TidemarkError[] {
  const read = parseConfiguration(text, 'tidemark.yaml', references)
  if ('configuration' in read) assert.fail('the configuration was accepted')
  return read.faults
}

/** `line:column CODE message | cure`, as short as a table of cases needs. */
function shortly(fault: TidemarkError): string {
  return `${fault.place?.replace('tidemark.yaml:', '')} ${fault.code} ${fault.message} | ${fault.cure}`
}

test('a minimal file is completed with every default', () => {
  const { file: _, ...configuration } = accepted(minimal)
  assert.deepEqual(configuration, {
    subscription: 'bank',
    postgres: {
      url: 'postgres://tidemark:hush-hush@127.0.0.1:5432/bank',
      publication: 'tidemark_bank',
      slot: 'tidemark_bank'
    },
    kafka: { brokers: ['127.0.0.1:9092'], clientId: 'tidemark-bank' },
    commitStream: 'bank.commits',
    commitStreamRetentionMs: null,
    compression: 'none',
    topics: { partitions: 6, replication: null, prefix: 'bank' },
    tables: [
      {
        schema: 'public',
        name: 'account',
        qualifiedName: 'public.account',
        topic: 'bank.public.account',
        format: 'json',
        key: null,
        deletes: 'tombstone',
        columns: { only: null, dropped: [], protected: [] },
        headers: [],
        partition: 'key',
        filter: null,
        readers: null,
        place: 'tidemark.yaml:7:3',
        places: {},
        processor: null,
        onFailure: 'stop',
        refresh: true,
        also: []
      }
    ],
    outbox: { tables: [], messages: [] },
    registry: null,
    debezium: { decimal: 'precise' },
    monitors: [],
    processors: { callMsMax: 10_000, memoryBytesMax: 536_870_912 },
    deadLetters: null,
    keys: [],
    lookups: [],
    tableLookups: [],
    places: { commitStream: 'tidemark.yaml:1:15', kafka: 'tidemark.yaml:4:1' }
  })
})

test('the configuration is frozen in every part', () => {
  const configuration = accepted(minimal)
  assert.ok(Object.isFrozen(configuration.tables[0]) && Object.isFrozen(configuration.kafka.brokers))
})

test('an outbox table has the columns and defaults of the Debezium event router', () => {
  const configuration = accepted(`${minimal}outbox:\n  public.outbox: {}\n  message: [orders, payments]\n`)
  assert.deepEqual(
    configuration.outbox.messages.map(({ prefix }) => prefix),
    ['orders', 'payments']
  )
  assert.deepEqual(configuration.outbox, {
    messages: configuration.outbox.messages,
    tables: [
      {
        schema: 'public',
        name: 'outbox',
        qualifiedName: 'public.outbox',
        id: 'id',
        key: 'aggregateid',
        payload: 'payload',
        routeBy: 'aggregatetype',
        routePattern: '(?<routedByValue>.*)',
        topic: 'outbox.event.${routedByValue}',
        tracing: 'tracingspancontext',
        timestamp: null,
        schemaVersion: null,
        additional: [],
        expandJson: false,
        tombstoneOnEmptyPayload: false,
        onUpdate: 'warn',
        onFailure: 'stop',
        columns: { only: null, dropped: [], protected: [] },
        place: 'tidemark.yaml:9:3',
        places: {}
      }
    ]
  })
})

test('a slot name is made of what the subscription name leaves of letters, digits and _', () => {
  assert.equal(accepted(minimal.replace('bank', 'Bank-EU.1')).postgres.slot, 'tidemark_bank_eu_1')
})

test('two tables may share a topic', () => {
  const tables = accepted(
    `${minimal.replace('account:', 'account: {topic: all}')}  public.transfer: {topic: all}\n`
  ).tables
  assert.deepEqual(
    tables.map(table => table.topic),
    ['all', 'all']
  )
})

test('references are replaced inside texts, for numbers, and in flow mappings without quotes', () => {
  const more = [
    '[127.0.0.1:9092]',
    '  tls: {ca: ${file:ca.pem}}',
    '  sasl: {mechanism: scram-sha-512, username: ${USER_NAME:-anna}, password: ${file:kafka.secret}}',
    'topics: {partitions: ${PARTITIONS}, prefix: "${EMPTY:-a}.b"}'
  ]
  const { kafka, topics } = accepted(at('[127.0.0.1:9092]', more.join('\n')))
  assert.deepEqual(kafka.sasl, { mechanism: 'scram-sha-512', username: 'anna', password: 'from-a-file' })
  assert.deepEqual(kafka.tls, { ca: 'PEM\nPEM' })
  assert.deepEqual(topics, { partitions: 12, replication: null, prefix: 'a.b' })
})

test('$${ is a literal ${', () => {
  const configuration = accepted(`${minimal}outbox: {public.outbox: {routePattern: "(?<routedByValue>$\${x}|.*)"}}\n`)
  assert.equal(configuration.outbox.tables[0]!.routePattern, '(?<routedByValue>${x}|.*)')
})

const at = (from: string, to: string) => minimal.replace(from, to)
const badInputs: [name: string, text: string, ...faults: string[]][] = [
  [
    'an empty file',
    '',
    '1:1 CONFIG_INVALID the configuration file tidemark.yaml is empty | see docs/configuration.md for an example'
  ],
  ['a file that is a list', '- a', '1:1 CONFIG_INVALID the configuration is a list, not a mapping | write a mapping'],
  [
    'broken YAML',
    'subscription: bank\nkafka: {brokers: [a:1}\ntables:\n',
    '2:22 CONFIG_UNREADABLE Flow sequence in block collection must be sufficiently indented and end with a ] | correct the file at the line given'
  ],
  [
    'a key given twice',
    'subscription: a\nsubscription: b\n',
    '2:1 CONFIG_UNREADABLE Map keys must be unique | correct the file at the line given'
  ],
  [
    'a tab as indentation',
    'kafka:\n\tbrokers: [a:1]\n',
    '2:1 CONFIG_UNREADABLE Tabs are not allowed as indentation | correct the file at the line given'
  ],
  [
    'an unknown tag',
    `${minimal}commitStream: !secret x\n`,
    '8:15 CONFIG_UNREADABLE Unresolved tag: !secret | correct the file at the line given'
  ],
  [
    'a retention without its unit',
    `${minimal}commitStreamRetention: 30 days\n`,
    '8:24 CONFIG_INVALID `commitStreamRetention` `30 days` is not valid | it must be a whole number with `s`, `m`, `h` or `d`, for example 30d'
  ],
  [
    'an unknown entry',
    `${minimal}commit_stream: x\n`,
    '8:1 CONFIG_INVALID `commit_stream` is not a known entry | did you mean `commitStream`?'
  ],
  [
    'an unknown entry unlike any',
    at('account:', 'account: {colour: red}'),
    '7:20 CONFIG_INVALID `tables["public.account"].colour` is not a known entry | known here: topic, restricted, format, key, deletes, processor, onFailure, refresh, columns, headers, partition, filter, also'
  ],
  [
    'a missing entry',
    at('  brokers: [127.0.0.1:9092]\n', '  tls: {}\n'),
    '4:1 CONFIG_INVALID `kafka.brokers` is missing | add `kafka.brokers`'
  ],
  [
    'no source',
    at('postgres:\n  url: postgres://tidemark:${PGPASSWORD}@127.0.0.1:5432/bank\n', ''),
    '1:1 CONFIG_INVALID `postgres` is missing | add `postgres: {url: postgres://...}`'
  ],
  [
    'nothing to capture',
    at('\n  public.account:', ' {}'),
    '6:1 CONFIG_INVALID nothing to capture | name a table under `tables` or `outbox`'
  ],
  [
    'text instead of a list',
    at('[127.0.0.1:9092]', '127.0.0.1:9092'),
    '5:12 CONFIG_INVALID `kafka.brokers` is text, not a list | write a list: [ ... ]'
  ],
  ['an empty list', at('[127.0.0.1:9092]', '[]'), '5:12 CONFIG_INVALID `kafka.brokers` is empty | give at least one'],
  [
    'a broker that is no address',
    at('[127.0.0.1:9092]', '[127.0.0.1:99999]'),
    '5:13 CONFIG_INVALID `kafka.brokers[0]` is not the address of a broker | write `host:port`, or `[address]:port` for IPv6'
  ],
  [
    'a number out of range',
    `${minimal}topics: {partitions: 0}\n`,
    '8:22 CONFIG_INVALID `topics.partitions` `0` is out of range | it must be >= 1'
  ],
  [
    'a number with a fraction',
    `${minimal}topics: {partitions: 1.5}\n`,
    '8:22 CONFIG_INVALID `topics.partitions` is a number, not a whole number | write a whole number'
  ],
  [
    'a value near a known one',
    at('account:', 'account: {deletes: tombston}'),
    '7:29 CONFIG_INVALID `tables["public.account"].deletes` `tombston` is not a known value | did you mean `tombstone`? use one of: tombstone, content, both, none'
  ],
  [
    'yes for true',
    at('account:', 'account: {refresh: yes}'),
    '7:29 CONFIG_INVALID `tables["public.account"].refresh` is text, not true or false | write true or false'
  ],
  [
    'a table without its schema',
    at('public.account', 'account'),
    '7:3 CONFIG_INVALID the table name `account` needs its schema: `public.account`? | write `schema.table`'
  ],
  [
    'a table name in quotes',
    at('public.account', `'public."Account"'`),
    '7:3 CONFIG_INVALID the table name `public."Account"` is written without quotes, exactly as the catalogue has it | write `schema.table`',
    '7:3 CONFIG_INVALID the topic name `bank.public."Account"` may only hold letters, digits, `.`, `_` and `-` | set `topic` of `tables["public."Account""]` to a legal name'
  ],
  [
    'a table name with two dots',
    at('public.account', 'db.public.account'),
    '7:3 CONFIG_INVALID the table name `db.public.account` has more than one dot; a name is `schema.table` | write `schema.table`'
  ],
  [
    'a topic Kafka refuses',
    at('account:', 'account: {topic: "a/b"}'),
    '7:27 CONFIG_INVALID the topic name `a/b` may only hold letters, digits, `.`, `_` and `-` | set `topic` of `tables["public.account"]` to a legal name'
  ],
  [
    'a default topic Kafka refuses',
    at('public.account', 'public.größe'),
    '7:3 CONFIG_INVALID the topic name `bank.public.größe` may only hold letters, digits, `.`, `_` and `-` | set `topic` of `tables["public.größe"]` to a legal name'
  ],
  [
    'the commit stream as a table topic',
    at('account:', 'account: {topic: bank.commits}'),
    '7:20 CONFIG_INVALID the topic of table public.account is the commit stream | give one of the two another name'
  ],
  [
    'a table both captured and outbox',
    `${minimal}outbox:\n  public.account: {}\n`,
    '9:3 CONFIG_INVALID table public.account stands under both `tables` and `outbox` | leave it in one of them'
  ],
  [
    'an outbox pattern without its group',
    `${minimal}outbox: {public.o: {routePattern: "(.*)"}}\n`,
    '8:10 CONFIG_INVALID `routePattern` of `outbox["public.o"]` has no group routedByValue, which `topic` names | add (?<routedByValue>...) to the pattern'
  ],
  [
    'an outbox pattern that does not compile',
    `${minimal}outbox: {public.o: {routePattern: "("}}\n`,
    '8:35 CONFIG_INVALID `outbox["public.o"].routePattern` is not a regular expression | write it as in JavaScript: (?<routedByValue>.*)'
  ],
  [
    'a processor that is no module',
    at('account:', 'account: {processor: a.py}'),
    '7:31 CONFIG_INVALID `tables["public.account"].processor` `a.py` is not valid | it must be a file ending in .ts, .mts, .js or .mjs'
  ],
  [
    'a slot name PostgreSQL refuses',
    at('/bank\n', '/bank\n  slot: Bank\n'),
    '4:9 CONFIG_INVALID `postgres.slot` `Bank` is not valid | it must be 1 to 63 lower-case letters, digits or _'
  ],
  [
    'a URL of another system',
    at('postgres://', 'mysql://'),
    '3:8 CONFIG_INVALID `postgres.url` is not valid | it must be a URL like postgres://user:password@host:5432/database'
  ],
  [
    'a URL that is none',
    at(':5432', ':port'),
    '3:8 CONFIG_INVALID `postgres.url` is not a URL | it must be a URL like postgres://user:password@host:5432/database; write special characters of the password as %XX'
  ],
  [
    'a password with characters of its own in the URL',
    at('${PGPASSWORD}', '${ODD}'),
    '3:8 CONFIG_INVALID `postgres.url` has a path behind its host | it must be a URL like postgres://user:password@host:5432/database; write special characters of the password as %XX'
  ],
  [
    'a URL without a database',
    at('/bank\n', '\n'),
    '3:8 CONFIG_INVALID `postgres.url` names no database | it must be a URL like postgres://user:password@host:5432/database'
  ],
  [
    'a variable that is not set',
    at('PGPASSWORD', 'NOWHERE'),
    '3:8 CONFIG_INVALID `postgres.url`: the environment variable NOWHERE is not set | set NOWHERE, or give a default: `${NOWHERE:-default}`'
  ],
  [
    'a variable that is not set where one of a few words is wanted',
    at('account:', 'account: {deletes: ${NOWHERE}}'),
    '7:29 CONFIG_INVALID `tables["public.account"].deletes`: the environment variable NOWHERE is not set | set NOWHERE, or give a default: `${NOWHERE:-default}`'
  ],
  [
    'a file that is not there',
    at('${PGPASSWORD}', '${file:pg.secret}'),
    '3:8 CONFIG_INVALID `postgres.url`: the file pg.secret cannot be read (ENOENT) | create the file, or correct its path, relative to the configuration file'
  ],
  [
    'a reference of no known form',
    at('${PGPASSWORD}', '${env:PG}'),
    '3:8 CONFIG_INVALID `postgres.url`: `${env:PG}` is not a reference | write `${VAR}`, `${VAR:-default}` or `${file:path}`; `$${` for a literal `${`'
  ],
  [
    'a password that YAML reads as a number',
    at('9092]', '9092]\n  sasl: {mechanism: plain, username: a, password: 12345}'),
    '6:51 CONFIG_INVALID `kafka.sasl.password` is a number, not text | put it in quotes'
  ],
  [
    'a client certificate without its key',
    at('9092]', '9092]\n  tls: {cert: x}'),
    '6:3 CONFIG_INVALID a client certificate needs both `kafka.tls.cert` and `kafka.tls.key` | give both or neither'
  ],
  [
    'Avro without a registry',
    at('account:', 'account: {format: avro}'),
    '7:28 CONFIG_INVALID `format: avro` needs a schema registry | add `registry: {url: https://registry.example.com:8081}`'
  ],
  [
    'a column rule unlike any',
    at('account:', 'account: {columns: {ssn: hide}}'),
    '7:35 CONFIG_INVALID `tables["public.account"].columns.ssn` `hide` is not valid | it must be `drop`, `plain` or one of `{encrypt: <key>}`, `{rsa: <key>}`, `{deterministic: <key>}`, `{tokenise: <key>}`, `{mask: {keepLast: <n>}}`, `{hash: {salt: <text>}}`; or a new column: `{expression: <text>}` or `{lookup: {in: <lookup>, by: <column>, take: <column>}}`, with a protection or `plain: true` if need be'
  ],
  [
    'both sources',
    `${minimal}mq: {queueManager: QM1, connection: {channel: C, name: h(1)}, queues: {A: {topic: a}}}\n`,
    '8:1 CONFIG_INVALID `postgres` and `mq` are both given | make a subscription of each'
  ],
  [
    'a key named like a part of JavaScript',
    `${minimal}__proto__: {a: 1}\n`,
    '8:1 CONFIG_INVALID `__proto__` is not a known entry | known here: subscription, postgres, kafka, commitStream, commitStreamRetention, topics, tables, outbox, registry, debezium, monitor, processors, deadLetters, encryption, lookups, mq'
  ]
]

for (const [name, text, ...faults] of badInputs) {
  test(`${name} is refused with place and cure`, () => assert.deepEqual(refused(text).map(shortly), faults))
}

test('all faults are told at once, in the order of the file', () => {
  const faults = refused('subscription: a b\nkafka: {brokers: 3, tsl: {}}\ntables: {t: {formt: json}}\nextra: 1\n')
  assert.deepEqual(
    faults.map(fault => fault.place),
    ['tidemark.yaml:1:15', 'tidemark.yaml:2:18', 'tidemark.yaml:2:21', 'tidemark.yaml:3:14', 'tidemark.yaml:4:1']
  )
})

test('a value that came through a reference is in no message', () => {
  for (const entry of ['deletes', 'format', 'topic', 'processor', 'refresh']) {
    const text = at('account:', `account: {${entry}: "\${PGPASSWORD}/x"}`)
    for (const fault of refused(text)) assert.doesNotMatch(fault.format(), /hush-hush/)
  }
})

test('aliases are followed, up to a limit', () => {
  assert.equal(accepted(`${at('account:', 'account: &a {deletes: none}')}  public.b: *a\n`).tables[1]!.deletes, 'none')
  const [fault] = refused('a: &a [*a]\n')
  assert.equal(fault!.code, 'CONFIG_UNREADABLE')
})

test('whatever text is given, the answer is a configuration or faults with a place', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(...minimal.split(/(?<=[\s:{[\]}])/), '${', '}', '&a ', '*a', '- ', '"'), {
        maxLength: 40
      }),
      parts => {
        const read = parseConfiguration(parts.join(''), 'tidemark.yaml', references)
        if ('faults' in read) for (const fault of read.faults) assert.match(fault.place!, /^tidemark\.yaml:\d+:\d+$/)
      }
    )
  )
})

test('a file that is not there is CONFIG_UNREADABLE', () => {
  const read = readConfiguration('/nowhere/tidemark.yaml', {})
  assert.ok('faults' in read && isTidemarkError(read.faults[0], 'CONFIG_UNREADABLE'))
  assert.match(read.faults[0].format(), /cannot be read \(ENOENT\)/)
})

test('files are read relative to the configuration file', t => {
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-'))
  t.after(() => rmSync(directory, { recursive: true }))
  writeFileSync(join(directory, 'pg.secret'), 's%65cret\n')
  writeFileSync(
    join(directory, 'tidemark.yaml'),
    minimal.replace('${PGPASSWORD}', '${file:pg.secret}').replace('account:', 'account: {processor: ./large.ts}')
  )
  const read = readConfiguration(join(directory, 'tidemark.yaml'), {})
  assert.ok('configuration' in read)
  assert.equal(read.configuration.postgres.url, 'postgres://tidemark:s%65cret@127.0.0.1:5432/bank')
  assert.equal(read.configuration.tables[0]!.processor, join(directory, 'large.ts'))
})
