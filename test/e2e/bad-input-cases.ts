/** What is wrong in one configuration. `§` stands in it where each fault is to be told, in the order of `codes`. */
export interface BadInput {
  readonly what: string
  /** YAML behind the connections, at the top level. */
  readonly yaml: string
  readonly codes: readonly string[]
  /** What the cures say, in the same order. */
  readonly cures: readonly RegExp[]
}

const one = (what: string, code: string, cure: RegExp, yaml: string): BadInput => ({
  what,
  yaml,
  codes: [code],
  cures: [cure]
})

const customer = (entry: string): string =>
  `tables: {public.customer: {${entry}}}\nencryption: {keys: {pii: {publicKey: pii.pub.pem, secretKey: pii.key}}}`
const column = (what: string, cure: RegExp, entry: string): BadInput =>
  one(
    `unknown column: ${what}`,
    'COLUMN_UNKNOWN',
    cure,
    `${customer(entry)}\nlookups: {countries: {file: countries.csv, key: code}}`
  )

export const unknownColumns: readonly BadInput[] = [
  column('list', /did you mean `status`/, 'columns: [id, §statsu]'),
  column('list with a rule', /did you mean `ssn`/, 'columns: [id, {§snn: {encrypt: pii}}]'),
  column('rules', /did you mean `ssn`/, 'columns: {§snn: {encrypt: pii}}'),
  column('drop', /did you mean `ssn`/, 'columns: {§snn: drop}'),
  column('subject of a key', /did you mean `id`/, 'columns: {ssn: {encrypt: {key: pii, subject: §idd}}}'),
  column('key', /did you mean `name`/, 'key: [id, §nmae]'),
  column('header', /did you mean `status`/, 'headers: {state: {column: §stauts}}'),
  column('partition', /did you mean `name`/, 'partition: {column: §nam}'),
  column('topic', /did you mean `status`/, 'topic: §"crm.{column.sttus}"'),
  column('filter', /did you mean `status`/, `filter: §"statu = 'active'"`),
  column('expression', /did you mean `amount`/, 'columns: {twice: {expression: §amuont * 2}}'),
  column('lookup', /did you mean `status`/, 'columns: {land: {lookup: {in: countries, by: §statu, take: name}}}'),
  column('also: list', /did you mean `status`/, 'also: [{topic: a, columns: [id, §statsu]}]'),
  column('also: rules', /did you mean `ssn`/, 'also: [{topic: a, columns: {§snn: {mask: {keepLast: 1}}}}]'),
  column('also: plain', /did you mean `ssn`/, 'also: [{topic: a, columns: {§snn: plain}}]'),
  column('also: key', /did you mean `name`/, 'also: [{topic: a, key: [§nmae]}]'),
  column('also: header', /did you mean `status`/, 'also: [{topic: a, headers: {state: {column: §stauts}}}]'),
  column('also: partition', /did you mean `name`/, 'also: [{topic: a, partition: {column: §nam}}]'),
  column('also: topic', /did you mean `status`/, 'also: [{topic: §"crm.{column.sttus}"}]'),
  column('also: filter', /did you mean `status`/, `also: [{topic: a, filter: §"statu = 'active'"}]`),
  column(
    'also: expression',
    /did you mean `amount`/,
    'also: [{topic: a, columns: {twice: {expression: §amuont * 2}}}]'
  ),
  column('nothing near', /use one of: id, name/, 'key: [§zzzzzz]'),
  one(
    'unknown column: monitor, measured',
    'COLUMN_UNKNOWN',
    /did you mean `amount`/,
    `tables: {public.transfer: {}}\nmonitor: [{name: large, topic: m, table: public.transfer, sum: §amuont, above: 1}]`
  ),
  one(
    'unknown column: monitor, where',
    'COLUMN_UNKNOWN',
    /did you mean `amount`/,
    `tables: {public.transfer: {}}\nmonitor: [{name: large, topic: m, table: public.transfer, count: true, where: §amont > 1, above: 1}]`
  ),
  ...['id', 'key', 'payload', 'routeBy', 'timestamp', 'schemaVersion'].map(option =>
    one(
      `unknown column: outbox, ${option}`,
      'COLUMN_UNKNOWN',
      /did you mean `aggregateid`/,
      `outbox: {public.event: {${option}: §agregateid}}`
    )
  ),
  one(
    'unknown column: outbox, additional',
    'COLUMN_UNKNOWN',
    /did you mean `type`/,
    'outbox: {public.event: {additional: [{column: §typ, as: header}]}}'
  ),
  one(
    'unknown column: outbox, protection',
    'COLUMN_UNKNOWN',
    /did you mean `payload`/,
    `outbox: {public.event: {topic: one, columns: {§paylod: {hash: {salt: 0123456789abcdef}}}}}`
  ),
  one(
    'unknown column: outbox, by default',
    'COLUMN_UNKNOWN',
    /use one of: id, name/,
    'outbox: {§public.customer: {key: id, payload: name, id: id}}'
  )
]

export const unknownFormats: readonly BadInput[] = [
  one('unknown format: table', 'CONFIG_INVALID', /did you mean `avro`/, customer('format: §avr')),
  one(
    'unknown format: also',
    'CONFIG_INVALID',
    /did you mean `debezium`/,
    customer('also: [{topic: a, format: §debesium}]')
  ),
  one('unknown format: outbox', 'CONFIG_INVALID', /known here: id, key/, 'outbox: {public.event: {§format: json}}'),
  one('Avro without a registry', 'CONFIG_INVALID', /add `registry:/, customer('format: §avro')),
  one(
    'Avro without a registry: also',
    'CONFIG_INVALID',
    /add `registry:/,
    customer('also: [{topic: a, format: §debezium-avro}]')
  )
]

const unknownKey = /did you mean `pii`/
export const unknownKeys: readonly BadInput[] = [
  ...['encrypt', 'rsa', 'deterministic', 'tokenise'].map(kind =>
    one(`unknown key: ${kind}`, 'CONFIG_INVALID', unknownKey, customer(`columns: {ssn: {${kind}: §pi}}`))
  ),
  one(
    'unknown key: by subject',
    'CONFIG_INVALID',
    unknownKey,
    customer('columns: {ssn: {encrypt: {key: §pi, subject: id}}}')
  ),
  one('unknown key: list', 'CONFIG_INVALID', unknownKey, customer('columns: [id, {ssn: {encrypt: §pi}}]')),
  one(
    'unknown key: also',
    'CONFIG_INVALID',
    unknownKey,
    customer('also: [{topic: a, columns: {ssn: {encrypt: §pi}}}]')
  ),
  one(
    'unknown key: outbox',
    'CONFIG_INVALID',
    unknownKey,
    'outbox: {public.event: {topic: one, columns: {payload: {encrypt: §pi}}}}\nencryption: {keys: {pii: {publicKey: pii.pub.pem}}}'
  ),
  one(
    'unknown key: messages',
    'CONFIG_INVALID',
    unknownKey,
    'outbox: {message: {orders: {topic: one, columns: {payload: {encrypt: §pi}}}}}\nencryption: {keys: {pii: {publicKey: pii.pub.pem}}}'
  ),
  one(
    'unknown key: none at all',
    'CONFIG_INVALID',
    /add `encryption: \{keys: \{pii:/,
    'tables: {public.customer: {columns: {ssn: {encrypt: §pii}}}}'
  )
]

const keyFile = (what: string, cure: RegExp, key: string, rule = 'encrypt: pii'): BadInput =>
  one(
    `key file: ${what}`,
    'KEY_INVALID',
    cure,
    `tables: {public.customer: {columns: {ssn: {${rule}}}}}\nencryption: {keys: {pii: ${key}}}`
  )
const publicCure = /openssl pkey .*-pubout/
const secretCure = /openssl rand -base64 32/

export const keyFiles: readonly BadInput[] = [
  keyFile('missing', /create it/, '{publicKey: §none.pem}'),
  keyFile('missing, second', /create it/, '{publicKeys: [pii.pub.pem, §none.pem]}'),
  keyFile('cannot be read', /create it, or correct its name or permissions/, '{publicKey: §directory}'),
  keyFile('not PEM', publicCure, '{publicKey: §garbage.pem}'),
  keyFile('private', publicCure, '{publicKey: §private.pem}'),
  keyFile('not RSA', publicCure, '{publicKey: §ec.pub.pem}'),
  keyFile('RSA too small', publicCure, '{publicKey: §small.pub.pem}'),
  keyFile('secret missing', /create it/, '{secretKey: §none.key}', 'tokenise: pii'),
  keyFile('secret not base64', secretCure, '{secretKey: §garbage.pem}', 'tokenise: pii'),
  keyFile('secret too short', secretCure, '{secretKey: §short.key}', 'tokenise: pii'),
  keyFile('of subjects, private', publicCure, '{publicKey: §private.pem}', 'encrypt: {key: pii, subject: id}'),
  one(
    'key without a public key',
    'CONFIG_INVALID',
    /add `publicKey: FILE`/,
    'tables: {public.customer: {columns: {ssn: {encrypt: pii}}}}\nencryption: {keys: {§pii: {secretKey: pii.key}}}'
  ),
  one(
    'key without a secret',
    'CONFIG_INVALID',
    /add `secretKey: FILE`/,
    'tables: {public.customer: {columns: {ssn: {tokenise: pii}}}}\nencryption: {keys: {§pii: {publicKey: pii.pub.pem}}}'
  )
]

export const invalidTexts: readonly BadInput[] = [
  one(
    'expression: form',
    'EXPRESSION_INVALID',
    /docs\/enrichment\.md/,
    customer('columns: {twice: {expression: §amount +}}')
  ),
  one('expression: type', 'EXPRESSION_INVALID', /cast it/, customer('columns: {twice: {expression: §"name * 2"}}')),
  one(
    'expression: function',
    'EXPRESSION_INVALID',
    /functions of docs/,
    customer('columns: {twice: {expression: §"now()"}}')
  ),
  one(
    'expression: also',
    'EXPRESSION_INVALID',
    /./,
    customer('also: [{topic: a, columns: {twice: {expression: §"name * 2"}}}]')
  ),
  one('filter: form', 'FILTER_INVALID', /write columns, texts/, customer('filter: §"status ="')),
  one('filter: type', 'FILTER_INVALID', /write columns, texts/, customer(`filter: §"born > 'yesterday-ish'"`)),
  one('filter: also', 'FILTER_INVALID', /write columns, texts/, customer('also: [{topic: a, filter: §"status ~ 1"}]')),
  one(
    'where: form',
    'FILTER_INVALID',
    /./,
    'tables: {public.transfer: {}}\nmonitor: [{name: large, topic: m, table: public.transfer, count: true, where: §"amount >", above: 1}]'
  ),
  one(
    'where: type',
    'FILTER_INVALID',
    /./,
    `tables: {public.transfer: {}}\nmonitor: [{name: large, topic: m, table: public.transfer, count: true, where: §"amount > 'much'", above: 1}]`
  ),
  one('template', 'CONFIG_INVALID', /\{column\.<name>\}/, customer('topic: §"crm.{colum.status}"')),
  one('template: also', 'CONFIG_INVALID', /\{column\.<name>\}/, customer('also: [{topic: §"crm.{statu}"}]')),
  one('template: characters', 'CONFIG_INVALID', /legal/, customer('topic: §crm/x')),
  one(
    'template: outbox group',
    'CONFIG_INVALID',
    /add \(\?<kind>\.\.\.\)/,
    'outbox: {public.event: {topic: §"event.$${kind}"}}'
  ),
  one(
    'template: group as a variable',
    'CONFIG_INVALID',
    /a group of `routePattern` is written `\$\$\{name\}`/,
    'outbox: {public.event: {topic: §"event.${kind}"}}'
  ),
  one('pattern: outbox', 'CONFIG_INVALID', /\(\?<routedByValue>/, 'outbox: {public.event: {routePattern: §"("}}'),
  one(
    'number: text',
    'CONFIG_INVALID',
    /write a whole number/,
    `${customer('')}\ndeadLetters: {topic: a}\nprocessors: {callMsMax: §ten}`
  ),
  one('number: range', 'CONFIG_INVALID', /it must be >= 0/, customer('columns: {ssn: {mask: {keepLast: §-1}}}')),
  one('number: partition', 'CONFIG_INVALID', /be `key`, a partition number/, customer('partition: §1.5')),
  one(
    'number: limit',
    'CONFIG_INVALID',
    /./,
    'tables: {public.transfer: {}}\nmonitor: [{name: large, topic: m, table: public.transfer, count: true, above: §many}]'
  ),
  one(
    'measured column without numbers',
    'CONFIG_INVALID',
    /column of numbers/,
    'tables: {public.customer: {}}\nmonitor: [{name: large, topic: m, table: public.customer, sum: §name, above: 1}]'
  ),
  one(
    'lookup: column',
    'CONFIG_INVALID',
    /did you mean `name`/,
    `${customer('columns: {land: {lookup: {in: countries, by: status, take: §nam}}}')}\nlookups: {countries: {file: countries.csv, key: code}}`
  ),
  one(
    'lookup: name',
    'CONFIG_INVALID',
    /did you mean `countries`/,
    `${customer('columns: {land: {lookup: {in: §countrys, by: status, take: name}}}')}\nlookups: {countries: {file: countries.csv, key: code}}`
  ),
  one(
    'lookup: file',
    'LOOKUP_INVALID',
    /create it/,
    `${customer('')}\nlookups: {countries: {file: §none.csv, key: code}}`
  ),
  one(
    'lookup: key',
    'LOOKUP_INVALID',
    /code/,
    `${customer('')}\nlookups: {countries: {file: §countries.csv, key: cod}}`
  )
]

export const tablesAndKeys: readonly BadInput[] = [
  one('table', 'TABLE_MISSING', /did you mean public\.customer\?/, 'tables: {§public.custmer: {}}'),
  one('outbox table', 'TABLE_MISSING', /did you mean public\.event\?/, 'outbox: {§public.evnt: {}}'),
  one(
    'table of a monitor rule',
    'CONFIG_INVALID',
    /did you mean `public\.transfer`/,
    'tables: {public.transfer: {}}\nmonitor: [{name: large, topic: m, table: §public.transfr, count: true, above: 1}]'
  ),
  one('key that is dropped', 'CONFIG_INVALID', /name another `key`/, customer('columns: {§id: drop}')),
  one(
    'key encrypted at random',
    'CONFIG_INVALID',
    /tokenise, deterministic or hash/,
    customer('columns: {§id: {encrypt: pii}}')
  ),
  one(
    'filter without the whole old row',
    'ROW_UNSUITABLE',
    /REPLICA IDENTITY FULL/,
    'tables: {public.transfer: {filter: §amount > 5}}'
  ),
  one(
    'header of a dropped column',
    'COLUMN_UNKNOWN',
    /use one of/,
    customer('columns: {ssn: drop}, headers: {s: {column: §ssn}}')
  )
]

export const several: BadInput = {
  what: 'all faults of a file are told at once',
  yaml: `tables:
  public.customer:
    columns: {§snn: {encrypt: pii}, §nmae: drop, twice: {expression: §"born * 2"}}
    key: [§idd]
    filter: §"status > 1"
    also: [{topic: a, columns: [§stats], filter: §"boorn is null"}, {topic: §"b.{column.stats}", headers: {h: {column: §hh}}}]
  §public.transfr: {}
monitor:
  - {name: large, topic: m, table: public.customer, sum: §amuont, where: §"sttus = 'x'", above: 1}
outbox: {public.event: {id: §idd, key: §kez}}
encryption: {keys: {pii: {publicKey: pii.pub.pem}}}`,
  codes: [
    'COLUMN_UNKNOWN',
    'COLUMN_UNKNOWN',
    'EXPRESSION_INVALID',
    'COLUMN_UNKNOWN',
    'FILTER_INVALID',
    'COLUMN_UNKNOWN',
    'COLUMN_UNKNOWN',
    'COLUMN_UNKNOWN',
    'COLUMN_UNKNOWN',
    'TABLE_MISSING',
    'COLUMN_UNKNOWN',
    'COLUMN_UNKNOWN',
    'COLUMN_UNKNOWN',
    'COLUMN_UNKNOWN'
  ],
  cures: [
    /`ssn`/,
    /`name`/,
    /cast it/,
    /`id`/,
    /compare texts/,
    /`status`/,
    /`born`/,
    /`status`/,
    /use one of/,
    /public\.transfer/,
    /`amount`/,
    /`status`/,
    /`id`/,
    /use one of/
  ]
}

export const severalInForm: BadInput = {
  what: 'all faults of form of a file are told at once',
  yaml: `tables:
  public.customer: {format: §jsn, columns: {ssn: {mask: {keepLast: §-1}}}, §topik: x}
  public.transfer: {partition: §1.5, deletes: §tombston}
encryption: {keys: {pii: {§publikKey: a}}}`,
  codes: Array<string>(6).fill('CONFIG_INVALID'),
  cures: [/`json`/, />= 0/, /`topic`/, /partition number/, /`tombstone`/, /`publicKey`/]
}

export const severalInRules: BadInput = {
  what: 'all faults of rules of a file are told at once',
  yaml: `tables:
  public.customer: {filter: §"status =", columns: {ssn: {tokenise: §pi}, t: {expression: §"amount +"}}, also: [{topic: §"a/b", format: §avro}]}
encryption: {keys: {pii: {publicKey: §none.pem}}}
lookups: {l: {file: §none.csv, key: a}}`,
  codes: [
    'FILTER_INVALID',
    'CONFIG_INVALID',
    'EXPRESSION_INVALID',
    'CONFIG_INVALID',
    'CONFIG_INVALID',
    'KEY_INVALID',
    'LOOKUP_INVALID'
  ],
  cures: [/write columns/, /`pii`/, /docs\/enrichment/, /legal name/, /add `registry/, /create it/, /create it/]
}

const ofTable = (what: string, code: string, cure: RegExp, take: string, lookup: string): BadInput =>
  one(
    `lookup in a table: ${what}`,
    code,
    cure,
    `tables: {public.customer: {}, public.transfer: {columns: {who: {lookup: {in: people, by: id, take: ${take}}}}}}\nlookups: {people: {${lookup}}}`
  )

/** Of lookups in captured tables. */
export const tableLookups: readonly BadInput[] = [
  ofTable('table', 'LOOKUP_INVALID', /did you mean `public\.customer`/, 'name', 'table: §public.custmer, key: id'),
  ofTable('key', 'COLUMN_UNKNOWN', /did you mean `id`/, 'name', 'table: public.customer, key: §idd'),
  ofTable('taken', 'COLUMN_UNKNOWN', /did you mean `name`/, '§nam', 'table: public.customer, key: id')
]

const queue = (what: string, cure: RegExp, entry: string, code = 'CONFIG_INVALID'): BadInput =>
  one(`queue: ${what}`, code, cure, `mq: {queueManager: QM1, connection: {channel: C, name: h(1414)}, ${entry}}`)

/** Of a subscription to queues. */
export const queues: readonly BadInput[] = [
  queue('name', /at most 48 letters/, 'queues: {§"PAY IN": {}}'),
  queue('option', /did you mean `unit`/, 'queues: {PAY.IN: {§unitt: group}}'),
  queue('unit', /did you mean `group`/, 'queues: {PAY.IN: {unit: §groop}}'),
  queue('number', /it must be >= 1/, 'queues: {PAY.IN: {batchMessages: §0}}'),
  queue('content', /did you mean `json`/, 'queues: {PAY.IN: {content: §jsn}}'),
  queue('repeated elements', /add `content: xml`/, 'queues: {PAY.IN: {§repeatedElements: [a/b]}}'),
  queue('key', /none, msgId, correlId, groupId/, 'queues: {PAY.IN: {key: §msgid}}'),
  queue('headers', /did you mean `properties`/, 'queues: {PAY.IN: {headers: §propertys}}'),
  queue('format', /known here: topic/, 'queues: {PAY.IN: {§xyzzy: avro}}'),
  queue('topic', /legal name/, 'queues: {PAY.IN: {topic: §a/b}}'),
  queue('monitoring topic', /legal name/, 'monitoringTopic: §a/b, queues: {PAY.IN: {}}'),
  queue('policy', /did you mean `park`/, 'queues: {PAY.IN: {onFailure: §parc}}')
]
