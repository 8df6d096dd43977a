import { Type, type Static } from 'typebox'

const keyName = (description: string) => Type.Optional(Type.String({ description, minLength: 1 }))

export interface ColumnRuleFile {
  expression?: string
  lookup?: { in: string; by: string; take: string; whenMissing: 'empty' | 'stop' }
  plain?: boolean
  encrypt?: string | { key: string; subject: string }
  rsa?: string
  deterministic?: string
  tokenise?: string
  mask?: { keepLast: number; character: string }
  hash?: { salt: string }
}

const encrypt = Type.Optional(
  Type.Unsafe<string | { key: string; subject: string }>({
    type: ['string', 'object'],
    minLength: 1,
    properties: {
      key: Type.String({ description: 'Name of the key.', minLength: 1 }),
      subject: Type.String({
        description: 'Column that names the data subject; its data keys can be destroyed by `tidemark shred`.',
        minLength: 1
      })
    },
    required: ['key', 'subject'],
    additionalProperties: false,
    description:
      'Key: AES-256-GCM under a data key wrapped for the readers’ public keys; `{key, subject}`: a data key for each subject. Not for key columns.',
    'x-must': 'be the name of a key, or `{key: <key>, subject: <column>}`'
  })
)

const mask = Type.Object(
  {
    keepLast: Type.Integer({ description: 'How many characters at the end stay.', minimum: 0 }),
    character: Type.Optional(
      Type.String({
        description: 'What stands for each of the others.',
        default: '*',
        pattern: '^.$',
        'x-must': 'be one character'
      })
    )
  },
  { additionalProperties: false, description: 'A value not longer than `keepLast` is masked whole.' }
)

const hash = Type.Object(
  {
    salt: Type.String({
      description: 'Secret text that is hashed before the value; give it as `${VAR}` or `${file:path}`.',
      minLength: 16,
      'x-must': 'have at least 16 characters',
      'x-secret': true
    })
  },
  { additionalProperties: false, description: 'SHA-256 of salt and value, in hexadecimal digits.' }
)

const derivation = {
  expression: Type.Optional(
    Type.String({
      description:
        'Makes a new column of others, in PostgreSQL’s syntax: + - * / %, ||, CASE, casts to text, int8 and numeric, conditions, and the functions of docs/enrichment.md.',
      minLength: 1
    })
  ),
  lookup: Type.Optional(
    Type.Object(
      {
        in: Type.String({ description: 'Name of an entry of `lookups`.', minLength: 1 }),
        by: Type.String({ description: 'Column of this table whose value is the key there.', minLength: 1 }),
        take: Type.String({ description: 'Column there whose value is taken.', minLength: 1 }),
        whenMissing: Type.Optional(
          Type.Enum(['empty', 'stop'], {
            description: 'There is no such row: the new column is NULL, or the agent stops.',
            default: 'empty'
          })
        )
      },
      {
        additionalProperties: false,
        description: 'Makes a new column of a value looked up: of a table in the type of its column, of a file as text.'
      }
    )
  ),
  plain: Type.Optional(
    Type.Boolean({ description: 'The new column may go out as it is although it is made of protected columns.' })
  )
}

const protections = {
  encrypt,
  rsa: keyName('Key: RSA-OAEP directly under one public key; short values only. Not for key columns.'),
  deterministic: keyName('Key with a secret: AES-SIV; equal values stay equal. For keys and join columns.'),
  tokenise: keyName('Key with a secret: HMAC-SHA256; equal values stay equal, nobody can read them.'),
  mask,
  hash
}

const protectionForms =
  'be `drop`, `plain` or one of `{encrypt: <key>}`, `{rsa: <key>}`, `{deterministic: <key>}`, `{tokenise: <key>}`, `{mask: {keepLast: <n>}}`, `{hash: {salt: <text>}}`'

/** A word or one protection. Not a union, so that a mistake within is told where it is. */
const protectionRule = Type.Unsafe<'drop' | 'plain' | ColumnRuleFile>({
  type: ['string', 'object'],
  pattern: '^(drop|plain)$',
  properties: protections,
  additionalProperties: false,
  minProperties: 1,
  maxProperties: 1,
  'x-must': protectionForms
})

/** The same for columns of tables: further, a new column with at most one protection. */
const columnRule = Type.Unsafe<'drop' | 'plain' | ColumnRuleFile>({
  type: ['string', 'object'],
  pattern: '^(drop|plain)$',
  properties: { ...protections, ...derivation },
  additionalProperties: false,
  minProperties: 1,
  maxProperties: 2,
  'x-must': `${protectionForms}; or a new column: \`{expression: <text>}\` or \`{lookup: {in: <lookup>, by: <column>, take: <column>}}\`, with a protection or \`plain: true\` if need be`
})

export const columnRules = Type.Record(Type.String(), protectionRule, {
  description:
    'Rules for single columns of the event. `encrypt` and `rsa` need a `topic` of one name, to which they are bound.',
  'x-key': '<column>'
})

/** `all`, a list of columns (each a name, or a name with its rule), or all columns with rules for some. */
export const columns = Type.Unsafe<ColumnsFile>({
  type: ['string', 'array', 'object'],
  pattern: '^all$',
  items: {
    type: ['string', 'object'],
    minLength: 1,
    additionalProperties: columnRule,
    minProperties: 1,
    maxProperties: 1,
    'x-must': 'be a column name, or one name with its rule: `{email: {tokenise: pii}}`'
  },
  minItems: 1,
  additionalProperties: columnRule,
  description:
    'Which columns are sent, and how: `all`; a list of names (the key’s columns always go along); or rules for single columns, the others as they are. A rule holds for every image of the row, in every format, and for processors.',
  'x-key': '<column>',
  'x-must': 'be `all`, a list of columns, or a mapping of columns to rules'
})

type ColumnRule = 'drop' | 'plain' | ColumnRuleFile
export type ColumnsFile = 'all' | (string | Record<string, ColumnRule>)[] | Record<string, ColumnRule>

const headerSource = Type.Unsafe<HeaderSourceFile>({
  type: 'object',
  properties: {
    column: Type.Optional(Type.String({ description: 'Column, as it is sent.', minLength: 1 })),
    journal: Type.Optional(
      Type.Enum(['operation', 'table', 'commitTime', 'transaction', 'ordinal'], {
        description: 'What is known of the operation.'
      })
    ),
    text: Type.Optional(Type.String({ description: 'Always this.' }))
  },
  additionalProperties: false,
  minProperties: 1,
  maxProperties: 1,
  'x-must': 'be one of `{column: <name>}`, `{journal: <field>}`, `{text: <text>}`'
})

export type HeaderSourceFile =
  { column: string } | { journal: 'operation' | 'table' | 'commitTime' | 'transaction' | 'ordinal' } | { text: string }

export const headers = Type.Record(Type.String(), headerSource, {
  description: 'Further record headers by name.',
  'x-key': '<header>'
})

export const partition = Type.Unsafe<'key' | number | { column: string }>({
  type: ['string', 'integer', 'object'],
  pattern: '^key$',
  minimum: 0,
  maximum: 2_147_483_647,
  properties: { column: Type.String({ description: 'Column whose value chooses, as a key would.', minLength: 1 }) },
  required: ['column'],
  additionalProperties: false,
  description: 'What chooses the partition: the record key, a column, or always the same number.',
  default: 'key',
  'x-must': 'be `key`, a partition number, or `{column: <name>}`'
})

export const filter = Type.String({
  description:
    'Condition on the row in PostgreSQL’s syntax: columns, literals, =, <>, <, >, IN, BETWEEN, LIKE, IS NULL, AND, OR, NOT. A row that enters or leaves it becomes insert or delete. Needs REPLICA IDENTITY FULL.',
  minLength: 1
})

export const restricted = Type.Unsafe<boolean | { readers: string[] }>({
  type: ['boolean', 'object'],
  properties: {
    readers: Type.Array(
      Type.String({ pattern: '^[A-Za-z]+:[^*]+$', 'x-must': 'be a principal as Kafka writes it: User:name' }),
      { description: 'Principals that may read the topic.', minItems: 1 }
    )
  },
  required: ['readers'],
  additionalProperties: false,
  description:
    'Whether only named principals may read the topic: `true` (nobody but super users), or `{readers: [User:name]}`. The agent does not run while ACLs let others read it.',
  default: false,
  'x-must': 'be `true`, `false` or `{readers: [User:name, ..]}`'
})

const key = Type.Object(
  {
    publicKey: Type.Optional(Type.String({ description: 'File of the reader’s RSA public key, PEM.', minLength: 1 })),
    publicKeys: Type.Optional(
      Type.Array(Type.String({ minLength: 1 }), {
        description: 'Files of the public keys of several readers, each of whom can open the fields.',
        minItems: 1
      })
    ),
    secretKey: Type.Optional(
      Type.String({
        description:
          'File of a secret of at least 32 bytes in base64, which `deterministic` and `tokenise` need. With it the agent itself could open such fields.',
        minLength: 1
      })
    ),
    rotateAfterValues: Type.Optional(
      Type.Integer({
        description: 'A data key encrypts at most so many values.',
        default: 100_000,
        minimum: 1,
        maximum: 100_000_000
      })
    ),
    rotateAfterMinutes: Type.Optional(
      Type.Integer({ description: 'A data key serves at most so long.', default: 720, minimum: 1, maximum: 10_080 })
    )
  },
  { additionalProperties: false }
)

export const encryption = Type.Object(
  { keys: Type.Record(Type.String(), key, { description: 'Keys by name.', 'x-key': '<name>' }) },
  { additionalProperties: false, description: 'Keys that `columns` refer to. Paths are relative to this file.' }
)

export type KeyFile = Static<typeof key>
