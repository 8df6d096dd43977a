import type { JsonValue } from '@tidemark/schemas/json-text.ts'

/** A column of `type` with the value of an SQL expression, and what docs/types.md says it is in JSON. */
export interface TypeCase {
  type: string
  sql: string
  json: JsonValue
}

/** Types made before the table. */
export const ownTypesSql = `
CREATE TYPE mood AS ENUM ('sad', 'so "so"', 'happy');
CREATE TYPE pair AS (number int8, "label text" text);
CREATE DOMAIN d_int8 AS int8;
CREATE DOMAIN d_numeric AS numeric(20, 4) CHECK (VALUE > 0);
CREATE DOMAIN d_text AS text NOT NULL;
CREATE DOMAIN d_of_domain AS d_int8;
CREATE DOMAIN d_timestamptz AS timestamptz;
CREATE DOMAIN d_jsonb AS jsonb;
CREATE DOMAIN d_bytea AS bytea;
CREATE DOMAIN d_mood AS mood;
CREATE DOMAIN d_int4s AS int4[];
CREATE DOMAIN d_boolean AS boolean;
CREATE DOMAIN d_float8 AS float8;
CREATE TYPE floatrange AS RANGE (subtype = float8);
`

const allBytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
const digits = '1234567890'.repeat(100)
const control = Array.from({ length: 31 }, (_, index) => String.fromCharCode(index + 1)).join('')

function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

function cases(type: string, values: readonly (readonly [sql: string, json: JsonValue])[]): TypeCase[] {
  return values.map(([sql, json]) => ({ type, sql, json }))
}

/** The same text in SQL and in JSON. */
function asText(type: string, ...texts: string[]): TypeCase[] {
  return texts.map(text => ({ type, sql: quote(text), json: text }))
}

/** bigint literals lose no digits; parseJson gives a number where one holds the value. */
function integers(type: string, ...values: (number | bigint)[]): TypeCase[] {
  return values.map(value => ({ type, sql: `'${value}'`, json: value }))
}

const numbers: TypeCase[] = [
  ...integers('int2', -32768, 0, 32767),
  ...integers('int4', -2147483648, 2147483647),
  ...integers(
    'int8',
    -9223372036854775808n,
    9223372036854775807n,
    9007199254740991,
    9007199254740993n,
    -9007199254740992n
  ),
  ...integers('oid', 0, 2147483648, 4294967295),
  ...cases('float4', [
    ["'1.5'", 1.5],
    ["'3.4028235e38'", 3.4028235e38],
    ["'NaN'", 'NaN'],
    ["'Infinity'", 'Infinity'],
    ["'-Infinity'", '-Infinity']
  ]),
  ...cases('float8', [
    ["'0.1'", 0.1],
    ["'1.7976931348623157e308'", Number.MAX_VALUE],
    ["'5e-324'", Number.MIN_VALUE],
    ["'-0'", -0],
    ["'1e21'", 1e21],
    ["'NaN'", 'NaN'],
    ["'Infinity'", 'Infinity'],
    ["'-Infinity'", '-Infinity']
  ]),
  ...asText(
    'numeric',
    digits,
    `-${digits}.${digits}`,
    '0.00000000000000000000000000000000000001',
    '1.10',
    'NaN',
    'Infinity',
    '-Infinity'
  ),
  ...cases('numeric(10,2)', [["'1234567.8'", '1234567.80']]),
  ...asText('money', '$1,234.56', '-$0.01'),
  ...cases('boolean', [
    ["'true'", true],
    ["'no'", false]
  ])
]

const texts: TypeCase[] = [
  ...asText(
    'text',
    '',
    ' ',
    'null',
    'say "hello" \\ /',
    control,
    'ünïcödé \u2028 \u{1F600} \uFFFD \u0080',
    'x'.repeat(10_000),
    `${'y'.repeat(5000)}"`
  ),
  ...asText('varchar(10)', 'a"b'),
  ...cases('char(5)', [["'ab'", 'ab   ']]),
  ...asText('"char"', 'x'),
  ...asText('name', 'a name'),
  ...asText('mood', 'sad', 'so "so"'),
  ...asText('uuid', '4d47e190-0402-4048-bc2c-89dd54343cdc'),
  ...cases('bytea', [
    [`'\\x${allBytes.toString('hex')}'`, allBytes.toString('base64')],
    ["''", ''],
    ["'\\x00'", 'AA=='],
    ["'\\x0001'", 'AAE=']
  ]),
  ...asText('inet', '192.168.0.1/24', '::1'),
  ...asText('cidr', '10.0.0.0/8'),
  ...asText('macaddr', '08:00:2b:01:02:03'),
  ...asText('macaddr8', '08:00:2b:01:02:03:04:05'),
  ...asText('bit(4)', '0101'),
  ...asText('varbit', '010'),
  ...asText('refcursor', 'a cursor')
]

const times: TypeCase[] = [
  ...asText(
    'date',
    '2024-02-29',
    '0001-01-01',
    '0044-03-15 BC',
    '4713-11-24 BC',
    '5874897-12-31',
    'infinity',
    '-infinity'
  ),
  ...asText('time', '00:00:00', '12:34:56.789', '23:59:59.999999', '24:00:00'),
  ...asText('timetz', '12:34:56.000001+00', '12:34:56-08', '00:00:00+05:30'),
  ...cases('timestamp', [
    ["'2024-02-29 12:34:56'", '2024-02-29T12:34:56'],
    ["'2024-02-29 12:34:56.123456'", '2024-02-29T12:34:56.123456'],
    ["'1969-12-31 23:59:59.999999'", '1969-12-31T23:59:59.999999'],
    ["'294276-12-31 23:59:59.999999'", '294276-12-31T23:59:59.999999'],
    ["'0044-03-15 10:00:00 BC'", '0044-03-15 10:00:00 BC'],
    ["'infinity'", 'infinity'],
    ["'-infinity'", '-infinity']
  ]),
  ...cases('timestamptz', [
    ["'2024-02-29 12:34:56.123456+02'", '2024-02-29T10:34:56.123456Z'],
    ["'2024-02-29 12:34:56-00:30'", '2024-02-29T13:04:56Z'],
    ["'1800-01-01 00:00:00.000001+00'", '1800-01-01T00:00:00.000001Z'],
    ["'0044-03-15 10:00:00.5+00 BC'", '0044-03-15 10:00:00.5+00 BC'],
    ["'infinity'", 'infinity'],
    ["'-infinity'", '-infinity']
  ]),
  ...cases('timestamptz(0)', [["'2024-02-29 12:34:56.7+00'", '2024-02-29T12:34:57Z']]),
  ...cases('interval', [
    ["'1 year 2 months 3 days 04:05:06.789'", 'P1Y2M3DT4H5M6.789S'],
    ["'-1 year -2 days +03:00'", 'P-1Y-2DT3H'],
    ["'-00:00:00.000001'", 'PT-0.000001S'],
    ["'0'", 'PT0S'],
    ["'infinity'", 'infinity'],
    ["'-infinity'", '-infinity']
  ])
]

const documents: TypeCase[] = [
  ...cases('json', [
    [
      '\'{"b": 1, "a": [1, 2.50, {"c": null}], "big": 12345678901234567890}\'',
      { b: 1, a: [1, 2.5, { c: null }], big: 12345678901234567890n }
    ],
    ['\' [ "x\\ny" ] \'', ['x\ny']],
    ["'null'", null],
    ['\'"text"\'', 'text'],
    ["'9223372036854775807'", 9223372036854775807n]
  ]),
  ...cases('jsonb', [
    [
      '\'{"b": 1, "a": "\\u00fc\\"", "n": 123456789012345678901234567890}\'',
      { a: 'ü"', b: 1, n: 123456789012345678901234567890n }
    ],
    ["'[]'", []],
    ["'true'", true]
  ]),
  ...asText('jsonpath', '$."a"[*]'),
  ...asText('tsvector', "'brown':2 'quick''s':1A"),
  ...asText('tsquery', "'fat' & 'rat'")
]

const shapes: TypeCase[] = [
  ...asText('point', '(1,2)'),
  ...asText('line', '{1,2,3}'),
  ...asText('lseg', '[(0,0),(1,1)]'),
  ...asText('box', '(2,2),(0,0)'),
  ...asText('path', '((0,0),(1,1))', '[(0,0),(1,1)]'),
  ...asText('polygon', '((0,0),(1,1),(1,0))'),
  ...asText('circle', '<(0,0),1>'),
  ...asText('int4range', '[1,5)', 'empty', '(,)'),
  ...asText('int8range', '[1,9223372036854775807)'),
  ...asText('numrange', '(0.10,1.5]'),
  ...asText('daterange', '[2024-01-01,infinity)'),
  ...asText('tsrange', '["2024-01-01 00:00:00","2024-01-02 00:00:00.5")'),
  ...asText('tstzrange', '["2024-01-01 00:00:00+00",)'),
  ...asText('floatrange', '[0.5,1]'),
  ...asText('int4multirange', '{[1,3),[5,7)}', '{}'),
  ...asText('int8multirange', '{[1,3)}'),
  ...asText('nummultirange', '{[1.0,2.0)}'),
  ...asText('datemultirange', '{[2024-01-01,2024-02-01)}'),
  ...asText('tsmultirange', '{["2024-01-01 00:00:00","2024-01-02 00:00:00")}'),
  ...asText('tstzmultirange', '{["2024-01-01 00:00:00+00","2024-01-02 00:00:00+00")}'),
  ...asText('pair', '(9223372036854775807,"with ""quotes"", comma")', '(,)')
]

const systemTypes: TypeCase[] = [
  ...asText('pg_lsn', '16/B374D848'),
  ...asText('xid', '4294967295'),
  ...asText('cid', '7'),
  ...asText('xid8', '18446744073709551615'),
  ...asText('tid', '(0,1)'),
  ...asText('int2vector', '1 2'),
  ...asText('oidvector', '1 4294967295'),
  ...asText('regproc', 'now'),
  ...asText('regprocedure', 'now()'),
  ...asText('regoper', '||/'),
  ...asText('regoperator', '+(integer,integer)'),
  ...asText('regclass', 'pg_class'),
  ...asText('regcollation', '"C"'),
  ...asText('regtype', 'integer'),
  ...asText('regrole', 'pg_monitor'),
  ...asText('regnamespace', 'pg_catalog'),
  ...asText('regconfig', 'english'),
  ...asText('regdictionary', 'simple'),
  ...asText('txid_snapshot', '10:20:10,14'),
  ...asText('pg_snapshot', '10:20:10,14'),
  ...cases('aclitem', [["'pg_monitor=r/pg_monitor'", 'pg_monitor=r/pg_monitor']])
]

const arrays: TypeCase[] = [
  ...cases('int8[]', [
    ["'{}'", []],
    ["'{1,NULL,9223372036854775807}'", [1, null, 9223372036854775807n]],
    [
      "'{{1,2},{3,NULL}}'",
      [
        [1, 2],
        [3, null]
      ]
    ],
    ["'[0:1]={1,2}'", '[0:1]={1,2}']
  ]),
  ...cases('text[]', [
    [
      `ARRAY['a', NULL, 'NULL', '', ' ', 'b,c', '{d}', 'e"f', 'g\\h', E'i\\nj']`,
      ['a', null, 'NULL', '', ' ', 'b,c', '{d}', 'e"f', 'g\\h', 'i\nj']
    ],
    ["ARRAY[[['x']],[['\"']]]", [[['x']], [['"']]]]
  ]),
  ...cases('boolean[]', [["'{t,f,NULL}'", [true, false, null]]]),
  ...cases('float8[]', [["'{NaN,1.5,-Infinity}'", ['NaN', 1.5, '-Infinity']]]),
  ...cases('numeric[]', [["'{1.10,NaN}'", ['1.10', 'NaN']]]),
  ...cases('bytea[]', [["ARRAY['\\x00ff'::bytea, '']", ['AP8=', '']]]),
  ...cases('timestamptz[]', [["'{2024-02-29 12:00:00+00,infinity,NULL}'", ['2024-02-29T12:00:00Z', 'infinity', null]]]),
  ...cases('timestamp[]', [["'{2024-02-29 12:00:00.5}'", ['2024-02-29T12:00:00.5']]]),
  ...cases('date[]', [["'{2024-02-29}'", ['2024-02-29']]]),
  ...cases('interval[]', [["'{1 day}'", ['P1D']]]),
  ...cases('uuid[]', [["'{4d47e190-0402-4048-bc2c-89dd54343cdc}'", ['4d47e190-0402-4048-bc2c-89dd54343cdc']]]),
  ...cases('jsonb[]', [[`ARRAY['{"a": [1, "x\\"y"]}'::jsonb, 'null', NULL]`, [{ a: [1, 'x"y'] }, null, null]]]),
  ...cases('mood[]', [[`ARRAY['so "so"', 'happy']::mood[]`, ['so "so"', 'happy']]]),
  ...cases('pair[]', [["ARRAY[ROW(1, 'a\"b')::pair]", ['(1,"a""b")']]]),
  ...cases('box[]', [["ARRAY['(1,1),(0,0)'::box, '(2,2),(1,1)']", ['(1,1),(0,0)', '(2,2),(1,1)']]]),
  ...cases('int4range[]', [["ARRAY['[1,3)'::int4range]", ['[1,3)']]]),
  ...cases('varchar(3)[]', [["'{abc}'", ['abc']]])
]

const domains: TypeCase[] = [
  ...integers('d_int8', 9223372036854775807n),
  ...integers('d_of_domain', 9007199254740993n),
  ...asText('d_numeric', '1.5000'),
  ...asText('d_text', 'domain "text"'),
  ...cases('d_boolean', [["'t'", true]]),
  ...cases('d_float8', [["'NaN'", 'NaN']]),
  ...cases('d_timestamptz', [["'2024-02-29 12:00:00+00'", '2024-02-29T12:00:00Z']]),
  ...cases('d_jsonb', [['\'{"a": 1}\'', { a: 1 }]]),
  ...cases('d_bytea', [["'\\xff'", '/w==']]),
  ...asText('d_mood', 'happy'),
  ...cases('d_int4s', [["'{1,NULL}'", [1, null]]]),
  ...cases('d_int8[]', [["'{1,9223372036854775807}'", [1, 9223372036854775807n]]]),
  ...cases('d_int4s[]', [[`'{"{1,NULL}","{}","[0:0]={2}"}'`, [[1, null], [], '[0:0]={2}']]])
]

export const typeCases: readonly TypeCase[] = [
  ...numbers,
  ...texts,
  ...times,
  ...documents,
  ...shapes,
  ...systemTypes,
  ...arrays,
  ...domains
]

/** Types of pg_catalog that no statement can make a value of, and xml, which a server may be built without. */
export const typesWithoutValues: ReadonlySet<string> = new Set([
  'pg_node_tree',
  'pg_ndistinct',
  'pg_dependencies',
  'pg_mcv_list',
  'pg_brin_bloom_summary',
  'pg_brin_minmax_multi_summary',
  'gtsvector',
  'xml'
])
