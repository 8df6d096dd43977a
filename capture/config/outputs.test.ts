import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { parseConfiguration } from './configuration-file.ts'
import { knownDataTopics } from './configuration.ts'
import { producerRules } from './producer-rules.ts'
import { redacted, secretsOf } from './redaction.ts'

const { publicKey, privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' }
})
const files: Record<string, string> = {
  'pii.pub.pem': publicKey,
  'pii.pem': privateKey,
  'pii.key': Buffer.alloc(32, 7).toString('base64'),
  'short.key': 'c2hvcnQ=',
  'countries.csv': 'code,name\nCH,Switzerland\n',
  'twice.csv': 'code,name\nCH,a\nCH,b\n'
}
const references = {
  variable: (name: string) => ({ SALT: 'a salt of some length', TOPIC: 'secret topic', CONDITION: 'secret ==' })[name],
  file(path: string) {
    const content = files[path]
    if (content === undefined) throw Object.assign(new Error('no'), { code: 'ENOENT' })
    return content
  }
}

/** A file whose table public.customer, in line 5, has the entry. */
function parse(entry: string, more = '') {
  const text = `subscription: bank
postgres: {url: "postgres://u@h/bank"}
kafka: {brokers: ["b:9092"]}
tables:
  public.customer: ${entry}
${more}`
  return parseConfiguration(text, 'tidemark.yaml', references)
}

function accepted(entry: string, more?: string) {
  const read = parse(entry, more)
  if ('faults' in read) assert.fail(read.faults.map(fault => fault.format()).join('\n'))
  return read.configuration
}

function refused(entry: string, more?: string): string[] {
  const read = parse(entry, more)
  if ('configuration' in read) assert.fail('the configuration was accepted')
  return read.faults.map(({ place, code, message }) => `${place?.replace('tidemark.yaml:', '')} ${code} ${message}`)
}

const keys = 'encryption: {keys: {pii: {publicKey: pii.pub.pem, secretKey: pii.key}}}'

test('columns may be a list, rules for some, or both', () => {
  const columnsOf = (written: string) => accepted(`{columns: ${written}}`, keys).tables[0]!.columns
  const token = { column: 'email', protection: { kind: 'tokenise', key: 'pii' } }
  assert.deepEqual(columnsOf('all'), { only: null, dropped: [], protected: [] })
  assert.deepEqual(columnsOf('[id, {email: {tokenise: pii}}]'), {
    only: ['id', 'email'],
    dropped: [],
    protected: [token]
  })
  assert.deepEqual(columnsOf('{email: {tokenise: pii}, notes: drop, id: plain, phone: {mask: {keepLast: 4}}}'), {
    only: null,
    dropped: ['notes'],
    protected: [token, { column: 'phone', protection: { kind: 'mask', keepLast: 4, character: '*' } }]
  })
})

test('a further output is as the table in all it does not say, its protections included', () => {
  const entry = `{topic: a, key: [id], deletes: both, filter: "id > 1", columns: {ssn: {encrypt: pii}, notes: drop}, also: [
    {topic: b}, {topic: c, columns: [name, ssn]}, {topic: d, columns: {ssn: plain}}, {topic: e, columns: all, restricted: {readers: ["User:a"]}}]}`
  const [table] = accepted(entry, keys).tables
  const [b, c, d, e] = table!.also
  assert.deepEqual(
    { ...b, topic: 'a', place: table!.place },
    (({ topic, format, key, deletes, columns, headers, partition, filter, readers, place, places }) => ({
      topic,
      format,
      key,
      deletes,
      columns,
      headers,
      partition,
      filter,
      readers,
      place,
      places: { ...places, topic: 'tidemark.yaml:6:13' }
    }))(table!)
  )
  assert.deepEqual([c!.columns.only, c!.columns.protected.map(({ column }) => column)], [['name', 'ssn'], ['ssn']])
  assert.deepEqual([d!.columns.protected, d!.columns.dropped], [[], ['notes']])
  assert.deepEqual([e!.columns.protected, e!.columns.dropped, e!.readers], [[], [], ['User:a']])
  assert.equal(e!.place, 'tidemark.yaml:6:86')
})

test('headers and partitions come in each form', () => {
  const entry =
    '{headers: {a: {column: id}, b: {journal: commitTime}, c: {text: x}}, partition: {column: region}, also: [{topic: b, partition: 3}]}'
  const { tables } = producerRules(accepted(entry))
  assert.deepEqual(tables[0]!.headers, [
    { name: 'a', from: { column: 'id' } },
    { name: 'b', from: { journal: 'commitTime' } },
    { name: 'c', from: { text: 'x' } }
  ])
  assert.deepEqual([tables[0]!.partition, tables[0]!.also[0]!.partition], [{ column: 'region' }, { fixed: 3 }])
})

test('every topic whose name needs no row is known beforehand', () => {
  const entry = '{topic: "crm.{schema}.{table}", also: [{topic: "x.{operation}"}, {topic: "y.{column.region}"}]}'
  assert.deepEqual(knownDataTopics(accepted(entry)), ['crm.public.customer', 'x.insert', 'x.update', 'x.delete'])
})

test('mistakes are told where they are', () => {
  const cases: [string, string, ...string[]][] = [
    [
      '{columns: {ssn: {encrpt: pii}}}',
      keys,
      '5:37 CONFIG_INVALID `tables["public.customer"].columns.ssn.encrpt` is not a known entry'
    ],
    ['{columns: {ssn: {encrypt: pi}}}', keys, '5:46 CONFIG_INVALID there is no key pi under `encryption.keys`'],
    ['{columns: 5}', keys, '5:30 CONFIG_INVALID `tables["public.customer"].columns` is a number'],
    ['{columns: [id, id]}', '', '5:30 CONFIG_INVALID column id is listed twice'],
    ['{partition: -1}', '', '5:32 CONFIG_INVALID `tables["public.customer"].partition` `-1` is out of range'],
    [
      '{filter: "status = "}',
      '',
      '5:29 FILTER_INVALID the condition `status = ` is not understood at its end (line 1, column 10)'
    ],
    ['{topic: "a.{colour}"}', '', '5:28 CONFIG_INVALID the topic `a.{colour}` has {colour}, which is not known'],
    [
      '{headers: {tidemark.x: {text: a}}}',
      '',
      '5:31 CONFIG_INVALID `tables["public.customer"].headers["tidemark.x"]`: headers beginning with `tidemark` are written by Tidemark itself'
    ],
    ['{topic: a, also: [{topic: a}]}', '', '5:39 CONFIG_INVALID table public.customer has two outputs to topic a'],
    [
      '{columns: {ssn: drop}, also: [{topic: b, columns: all}]}',
      '',
      '5:70 CONFIG_INVALID `tables["public.customer"].also[0].columns`: `all` would send ssn unprotected to a topic that is not restricted'
    ],
    [
      '{columns: {ssn: drop}, also: [{topic: b, columns: [ssn]}]}',
      '',
      "5:70 CONFIG_INVALID column ssn is dropped by the table's own entry"
    ],
    [
      '{restricted: {readers: ["User:*"]}}',
      '',
      '5:44 CONFIG_INVALID `tables["public.customer"].restricted.readers[0]` `User:*` is not valid'
    ],
    [
      '{columns: {ssn: {hash: {salt: short}}}}',
      '',
      '5:50 CONFIG_INVALID `tables["public.customer"].columns.ssn.hash.salt` is too short'
    ]
  ]
  for (const [entry, more, ...faults] of cases) assert.deepEqual(refused(entry, more), faults, entry)
})

test('a key file that cannot be used is told at the line that names it', () => {
  const at = (key: string, entry = '{}') => refused(entry, `encryption: {keys: {pii: ${key}}}`)
  assert.deepEqual(at('{publicKey: no.pem}'), ['6:38 KEY_INVALID the key file no.pem cannot be read (ENOENT)'])
  assert.match(at('{publicKey: pii.pem}')[0]!, /^6:38 KEY_INVALID .* holds a private key/)
  assert.match(at('{publicKeys: [pii.pub.pem, pii.key]}')[0]!, /^6:53 KEY_INVALID .* does not hold a public key/)
  assert.match(at('{secretKey: short.key}')[0]!, /^6:38 KEY_INVALID .* secret of 5 bytes/)
  const uses = (kind: string, key: string) => at(key, `{columns: {ssn: {${kind}: pii}}}`)[0]!
  assert.match(
    uses('encrypt', '{secretKey: pii.key}'),
    /^6:21 CONFIG_INVALID key pii is used by `encrypt`, which needs a public key/
  )
  assert.match(uses('tokenise', '{publicKey: pii.pub.pem}'), /need a secret/)
  assert.match(uses('rsa', '{publicKeys: [pii.pub.pem, pii.pub.pem]}'), /exactly one public key, not 2/)
})

test('columns of an outbox table are protected by the same keys', () => {
  const outbox = (key: string) =>
    `outbox: {public.outbox: {topic: orders, columns: {payload: {encrypt: ${key}}}}}\n${keys}`
  const [table] = accepted('{}', outbox('pii')).outbox.tables
  assert.deepEqual(table!.columns.protected, [{ column: 'payload', protection: { kind: 'encrypt', key: 'pii' } }])
  assert.equal(table!.place, 'tidemark.yaml:6:10')
  assert.deepEqual(refused('{}', outbox('pi')), ['6:70 CONFIG_INVALID there is no key pi under `encryption.keys`'])
})

test('what came through a reference is in no message, and a salt in no shown configuration', () => {
  const faults = refused('{topic: "${TOPIC}{x}", filter: "${CONDITION}"}').join('\n')
  assert.doesNotMatch(faults, /secret/)
  const configuration = accepted('{columns: {ssn: {hash: {salt: "${SALT}"}}}}')
  assert.doesNotMatch(JSON.stringify(redacted(configuration)), /a salt/)
  assert.ok(secretsOf(configuration).includes('a salt of some length'))
})

test('logical messages come by prefix, in a list, or with how their events are made', () => {
  const messagesOf = (written: string) =>
    producerRules(accepted('{}', `${keys}\noutbox: {message: ${written}}`)).outbox.messages
  assert.deepEqual(
    messagesOf('orders').map(({ prefix, topic }) => [prefix, topic]),
    [['orders', 'outbox.event.${routedByValue}']]
  )
  assert.deepEqual(
    messagesOf('[a, b]').map(({ prefix }) => prefix),
    ['a', 'b']
  )
  const [rule] = messagesOf('{orders: {topic: orders, columns: {payload: {encrypt: pii}}}}')
  assert.deepEqual([rule!.prefix, rule!.topic, rule!.payload], ['orders', 'orders', 'payload'])
  assert.deepEqual(rule!.columns.protected, [{ column: 'payload', protection: { kind: 'encrypt', key: 'pii' } }])
  assert.equal(rule!.place, 'tidemark.yaml:7:20')
  assert.deepEqual(refused('{}', `outbox: {message: {orders: {columns: {payload: {encrypt: nope}}, tpic: x}}}`), [
    '6:66 CONFIG_INVALID `outbox.message.orders.tpic` is not a known entry'
  ])
  assert.deepEqual(refused('{}', `outbox: {message: {orders: {columns: {payload: {encrypt: nope}}}}}`), [
    '6:58 CONFIG_INVALID there is no key nope under `encryption.keys`'
  ])
})

const countries = 'lookups: {countries: {file: countries.csv, key: code}}'

test('new columns are computed or looked up, with a protection or without', () => {
  const entry =
    '{columns: {total: {expression: "a * b"}, land: {lookup: {in: countries, by: code, take: name}, tokenise: pii}, notes: drop}}'
  const configuration = accepted(entry, `${keys}\n${countries}`)
  assert.deepEqual(configuration.tables[0]!.columns, {
    only: null,
    dropped: ['notes'],
    protected: [{ column: 'land', protection: { kind: 'tokenise', key: 'pii' } }],
    derived: [
      { name: 'total', from: { expression: 'a * b' }, plain: false, place: 'tidemark.yaml:5:31' },
      {
        name: 'land',
        from: { lookup: { in: 'countries', by: 'code', take: 'name', whenMissing: 'empty' } },
        plain: false,
        place: 'tidemark.yaml:5:61'
      }
    ]
  })
  assert.match(configuration.lookups[0]!.file, /^\/.*countries\.csv$/)
})

test('further outputs have the new columns of the table, and may have others', () => {
  const entry = `{columns: {t: {expression: "a", mask: {keepLast: 1}}}, also: [{topic: b, columns: [id, t]},
    {topic: c, columns: {t: plain}}, {topic: d, columns: {t: {expression: "b"}}}, {topic: e, columns: all, restricted: true}]}`
  const [b, c, d, e] = accepted(entry).tables[0]!.also.map(({ columns }) => columns)
  const shown = ({ protected: guarded, derived }: NonNullable<typeof b>) => [
    guarded.length,
    derived?.map(({ from, plain }) => ('expression' in from ? `${from.expression} ${plain}` : ''))
  ]
  assert.deepEqual(
    [b, c, d, e].map(columns => shown(columns!)),
    [
      [1, ['a false']],
      [0, ['a true']],
      [0, ['b false']],
      [0, ['a true']]
    ]
  )
})

test('what is wrong with new columns is found without a database, at its place', () => {
  const rule = (written: string, more = countries) => refused(`{columns: {t: ${written}}}`, more)
  assert.deepEqual(rule('{expression: "a +"}'), [
    '5:47 EXPRESSION_INVALID the expression `a +` is not understood at its end (line 1, column 4)'
  ])
  assert.deepEqual(rule('{lookup: {in: countrys, by: c, take: name}}'), [
    '5:48 CONFIG_INVALID there is no lookup countrys under `lookups`'
  ])
  assert.deepEqual(rule('{lookup: {in: countries, by: c, take: nam}}'), [
    '5:72 CONFIG_INVALID lookup countries has no column nam'
  ])
  const at = '5:31 CONFIG_INVALID `tables["public.customer"].columns.t`'
  assert.deepEqual(rule('{expression: "a", plain: true, mask: {keepLast: 1}}').length, 1)
  assert.deepEqual(rule('{mask: {keepLast: 1}, hash: {salt: "0123456789abcdef"}}'), [`${at} has two protections`])
  assert.deepEqual(rule('{mask: {keepLast: 1}, plain: true}'), [`${at} has \`plain\` but makes no new column`])
  assert.deepEqual(refused('{}', 'lookups: {a: {file: none.csv, key: code}, b: {file: twice.csv, key: code}}'), [
    '6:21 LOOKUP_INVALID the lookup file none.csv cannot be read (ENOENT)',
    '6:53 LOOKUP_INVALID the lookup file twice.csv has the key of its row 2 twice'
  ])
  assert.match(refused('{}', 'lookups: {a: {file: none.txt, key: code}}')[0]!, /6:21 CONFIG_INVALID .*file/)
})

test('a lookup may read a captured table, with the columns taken of it and what it hides', () => {
  const entry =
    '{columns: {ssn: {tokenise: pii}, notes: drop, boss: {lookup: {in: people, by: chief, take: name}}}, also: [{topic: b, columns: {boss: {lookup: {in: people, by: chief, take: ssn}}}}]}'
  const people = `${keys}\nlookups: {people: {table: public.customer, key: id, definition: 0123456789abcdef}}`
  const [lookup] = accepted(entry, people).tableLookups
  assert.deepEqual(lookup, {
    name: 'people',
    key: 'id',
    bytesMax: 67_108_864,
    place: 'tidemark.yaml:7:11',
    table: 'public.customer',
    tableName: { schema: 'public', name: 'customer' },
    columns: ['name', 'ssn'],
    guarded: ['notes', 'ssn'],
    definition: '0123456789abcdef'
  })
  const open = accepted('{restricted: true}', 'lookups: {people: {table: public.customer, key: id}}').tableLookups[0]!
  assert.deepEqual([open.guarded, open.definition, open.columns], ['all', null, []])
  const wrong = (lookup: string) => refused('{}', `lookups: {people: ${lookup}}`)
  const at = '6:11 CONFIG_INVALID `lookups.people`'
  assert.deepEqual(wrong('{key: id}'), [`${at} has neither \`file\` nor \`table\``])
  assert.deepEqual(wrong('{key: id, table: public.customer, file: countries.csv}'), [
    `${at} has both \`file\` and \`table\``
  ])
  assert.deepEqual(wrong('{key: code, file: countries.csv, definition: 0123456789abcdef}'), [
    `${at} has \`definition\` without \`table\``
  ])
  assert.deepEqual(wrong('{key: id, table: public.custmer}'), [
    '6:36 LOOKUP_INVALID lookup people reads table public.custmer, which is not captured: it is not under `tables`'
  ])
  assert.match(
    wrong('{key: id, table: public.customer, definition: x}')[0]!,
    /6:65 CONFIG_INVALID .*definition.* is not valid/
  )
})

test('a column is encrypted by the subject that another column names', () => {
  const configuration = accepted('{columns: {ssn: {encrypt: {key: pii, subject: id}}}}', keys)
  assert.deepEqual(configuration.tables[0]!.columns.protected, [
    { column: 'ssn', protection: { kind: 'encrypt-subject', key: 'pii', subject: 'id' } }
  ])
  assert.equal(producerRules(configuration).subjectKeysTopic, 'bank.subject-keys')
  assert.ok(knownDataTopics(configuration).includes('bank.subject-keys'))
  assert.equal(producerRules(accepted('{}')).subjectKeysTopic, undefined)
  assert.deepEqual(refused('{columns: {ssn: {encrypt: {key: pii}}}}', keys), [
    '5:37 CONFIG_INVALID `tables["public.customer"].columns.ssn.encrypt.subject` is missing'
  ])
  assert.match(refused('{columns: {ssn: {encrypt: {key: nope, subject: id}}}}', keys)[0]!, /there is no key nope/)
  const secretOnly = 'encryption: {keys: {pii: {secretKey: pii.key}}}'
  assert.match(refused('{columns: {ssn: {encrypt: {key: pii, subject: id}}}}', secretOnly)[0]!, /needs a public key/)
})
