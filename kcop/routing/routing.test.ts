import assert from 'node:assert/strict'
import { test } from 'node:test'
import { murmur2 } from '@tidemark/schemas/murmur2.ts'
import type { Operation } from '@tidemark/schemas/operation.ts'
import type { Format } from '../format.ts'
import { jsonFormat } from '../formats/json.ts'
import { defineProcessor, type Processor } from '../processor.ts'
import { Producer } from '../producer.ts'
import { byHash, statedPartition } from '../record-sink.ts'
import { alsoRule, allColumns, tableRule, type OutputRule, type TableRule } from '../rules.ts'
import { insert, remove, table, transaction, UNCHANGED, update } from '../testing/operations.ts'
import { RecordingSink } from '../testing/recording-sink.ts'

const customer = table('customer', { id: 'int8', name: 'text', region: 'text', ssn: 'text' })
const whole = { ...customer, replicaIdentity: 'full' as const }

/** The records that `operations` become by a rule. */
function records(given: Partial<TableRule>, ...operations: Operation[]) {
  const sink = new RecordingSink()
  const rules = { tables: [tableRule('public.customer', 'bank', given)], outbox: { tables: [], messages: [] } }
  const producer = new Producer({ rules, sink })
  for (const operation of operations) producer.process(operation)
  return sink.take()
}

function rulesOf(rule: TableRule) {
  return { tables: [rule], outbox: { tables: [], messages: [] } }
}

function also(...given: (Partial<OutputRule> & { topic: string })[]): readonly OutputRule[] {
  return given.map(rule => alsoRule(tableRule('public.customer', 'bank'), rule))
}

const ann = ['1', 'Ann', 'north', '4711']
const topic = 'bank.public.customer'

test('one operation goes to several topics, each with its own columns, format and key', () => {
  const given = {
    columns: { ...allColumns, only: ['name'] },
    also: also({ topic: 'bank.full' }, { topic: 'bank.audit', format: 'audit', key: ['region'], headers: [] })
  }
  const [shared, full, audit] = records(given, insert(customer, ann))
  assert.deepEqual(shared, { topic, key: '{"id":1}', value: '{"id":1,"name":"Ann"}', headers: {} })
  assert.equal(full!.value, '{"id":1,"name":"Ann","region":"north","ssn":"4711"}')
  assert.equal(audit!.key, '{"region":"north"}')
  assert.equal(JSON.parse(audit!.value!).A_ENTTYP, 'PT')
})

/** Which output writes is asked for, so each encodes for itself. */
class NamingSink extends RecordingSink {
  writesAs(): void {}
}

test('outputs that differ only in the topic send what they would send each by itself, topic by topic', () => {
  const rows = [
    insert(whole, ann),
    update(whole, ann, ['1', 'Bea', 'north', '4711']),
    update(whole, ann, ['2', 'Bea', 'south', '4711']),
    update(whole, ann, ['1', UNCHANGED, 'north', null]),
    remove(whole, ann)
  ]
  const columns = { ...allColumns, dropped: ['ssn'] }
  const rules: Partial<TableRule>[] = [
    {},
    { deletes: 'both' },
    { deletes: 'none' },
    { format: 'csv-journal', columns },
    { filter: "region = 'north'" }
  ]
  for (const given of rules) {
    const own = tableRule('public.customer', 'bank', given)
    const twins = ['bank.second', 'bank.third'].map(name => alsoRule(own, { topic: name, place: `here ${name}` }))
    const [together, apart] = [new RecordingSink(), new NamingSink()].map(sink => {
      const producer = new Producer({ rules: rulesOf({ ...own, also: twins }), sink })
      return rows.map(operation => {
        producer.process(operation)
        return sink.take()
      })
    })
    assert.ok(together!.flat().length > 0)
    assert.deepEqual(together, apart)
  }
})

test('outputs that differ only in the topic are encoded once', () => {
  let encoded = 0
  const counted: Format = {
    ...jsonFormat,
    name: 'counted',
    compile: (of, key, name) => {
      const inner = jsonFormat.compile(of, key, name)
      return {
        key: (image, old, into) => inner.key(image, old, into),
        value: (operation, telling, into) => {
          encoded++
          return inner.value(operation, telling, into)
        }
      }
    }
  }
  const times = (...given: (Partial<OutputRule> & { topic: string })[]) => {
    const own = tableRule('public.customer', 'bank', { format: 'counted' })
    const rules = rulesOf({ ...own, also: given.map(rule => alsoRule(own, rule)) })
    const producer = new Producer({ rules, sink: new RecordingSink(), formats: [counted] })
    encoded = 0
    producer.process(insert(whole, ann))
    return encoded
  }
  const second = { topic: 'bank.second' }
  assert.equal(times(second, { topic: 'bank.third' }), 1)
  const others: Partial<OutputRule>[] = [
    { key: ['region'] },
    { deletes: 'content' },
    { filter: "region = 'north'" },
    { columns: { ...allColumns, dropped: ['ssn'] } },
    { headers: [{ name: 'x', from: { text: 'y' } }] },
    { partition: { fixed: 1 } },
    { topic: 'bank.{operation}' }
  ]
  for (const other of others) assert.equal(times({ ...second, ...other }), 2, JSON.stringify(other))
  const hashed = { ...allColumns, protected: [{ column: 'ssn', protection: { kind: 'hash', salt: 'x' } }] } as const
  assert.equal(times({ ...second, columns: hashed }, { topic: 'bank.third', columns: hashed }), 3)
})

test('columns come in the order listed, the columns of the key first when they are not', () => {
  const rows = (only: string[]) => records({ columns: { ...allColumns, only } }, insert(customer, ann))[0]!.value
  assert.equal(rows(['region', 'id', 'name']), '{"region":"north","id":1,"name":"Ann"}')
  assert.equal(rows(['region']), '{"id":1,"region":"north"}')
})

test('a dropped column is in no image, and a deletion has the same columns', () => {
  const given = { columns: { ...allColumns, dropped: ['ssn'] }, deletes: 'content' as const }
  const [content] = records(given, remove(whole, ann))
  assert.equal(content!.value, '{"id":1,"name":"Ann","region":"north"}')
  const [, after] = records({ ...given, format: 'audit' }, update(whole, ann, ['1', 'Bea', 'north', '4712']))
  assert.ok(!after!.value!.includes('471'))
})

test('of an image that has the key alone, the columns not sent are named', () => {
  const given = { columns: { ...allColumns, only: ['region', 'name'] }, deletes: 'content' as const }
  const [content] = records(given, remove(customer, ['1', null, null, null], true))
  assert.deepEqual(content!.headers, { 'tidemark.operation': 'delete', 'tidemark.unknown': '["region","name"]' })
})

test('a topic may be made of schema, table, operation and columns', () => {
  const named = (template: string) => records({ topic: template }, insert(whole, ann))[0]!.topic
  assert.equal(named('crm.{schema}.{table}'), 'crm.public.customer')
  assert.equal(named('crm.{operation}'), 'crm.insert')
  assert.equal(named('crm.{column.region}.v1'), 'crm.north.v1')
  assert.throws(() => named('crm.{colour}'), { code: 'CONFIG_INVALID' })
  assert.throws(() => named('crm.{column.nothing}'), { code: 'COLUMN_UNKNOWN' })
  assert.throws(() => records({ topic: 'crm.{column.name}' }, insert(whole, ['1', 'a b', 'x', 'y'])), {
    code: 'ROW_UNSUITABLE'
  })
})

test('a row whose topic or partition changes leaves the old place and arrives at the new one', () => {
  const moved = ['1', 'Ann', 'south', '4711']
  const byTopic = records({ topic: 'crm.{column.region}' }, update(whole, ann, moved))
  assert.deepEqual(
    byTopic.map(record => [record.topic, record.key, record.value === null]),
    [
      ['crm.north', '{"id":1}', true],
      ['crm.south', '{"id":1}', false]
    ]
  )
  const byPartition = records({ partition: { column: 'region' } }, update(whole, ann, moved))
  const partitions = ['north', 'south'].map(text => byHash(murmur2(Buffer.from(text), 0, 5)))
  assert.equal(byPartition.length, 2)
  assert.deepEqual(
    byPartition.map(record => record.stated),
    partitions
  )
  assert.throws(() => records({ partition: { column: 'region' } }, insert(customer, ann)), { code: 'ROW_UNSUITABLE' })
})

test('a partition by hash is the one that a key of the same bytes has', () => {
  for (const count of [1, 3, 6, 7]) {
    const hash = murmur2(Buffer.from('north'), 0, 5)
    assert.equal(statedPartition(byHash(hash), count), (hash & 0x7fffffff) % count)
  }
  assert.equal(statedPartition(4, 6), 4)
})

test('all records may go to one partition', () => {
  assert.equal(records({ partition: { fixed: 2 } }, insert(customer, ann))[0]!.partition, 2)
})

test('headers come from columns, from the journal, or are always the same', () => {
  const headers = [
    { name: 'customer', from: { column: 'id' } },
    { name: 'what', from: { journal: 'operation' } },
    { name: 'at', from: { journal: 'commitTime' } },
    { name: 'in', from: { journal: 'transaction' } },
    { name: 'nth', from: { journal: 'ordinal' } },
    { name: 'of', from: { journal: 'table' } },
    { name: 'by', from: { text: 'bank' } },
    { name: 'ssn', from: { column: 'ssn' } }
  ] as const
  const [row] = records({ headers }, insert(customer, ['1', 'Ann', 'north', null]))
  assert.deepEqual(row!.headers, {
    customer: '1',
    what: 'insert',
    at: '2024-02-29T12:00:00.000001Z',
    in: '757',
    nth: '3',
    of: 'public.customer',
    by: 'bank',
    ssn: null
  })
  const [tombstone, arrived] = records({ headers }, update(whole, ann, ['2', 'Ann', 'north', '4711']))
  assert.deepEqual([tombstone!.headers.customer, arrived!.headers.customer], ['1', '2'])
  const [gone] = records({ headers }, remove(customer, ['1', null, null, null], true))
  assert.deepEqual([gone!.headers.customer, 'ssn' in gone!.headers], ['1', false])
  const dropped = { ...allColumns, dropped: ['ssn'] }
  assert.throws(() => records({ headers, columns: dropped }, insert(customer, ann)), { code: 'COLUMN_UNKNOWN' })
})

test('a rule that names a column the table has not stops, with the place of the rule', () => {
  const place = 'tidemark.yaml:7:3'
  const wrong: Partial<TableRule>[] = [
    { columns: { ...allColumns, only: ['colour'] } },
    { columns: { ...allColumns, dropped: ['colour'] } },
    { columns: { ...allColumns, protected: [{ column: 'colour', protection: { kind: 'hash', salt: 'x' } }] } },
    { key: ['colour'] },
    { headers: [{ name: 'x', from: { column: 'colour' } }] }
  ]
  for (const given of wrong) {
    assert.throws(() => records({ ...given, place }, insert(whole, ann)), { code: 'COLUMN_UNKNOWN', place })
  }
  assert.throws(() => records({ columns: { ...allColumns, dropped: ['id'] }, place }, insert(customer, ann)), {
    code: 'CONFIG_INVALID',
    place
  })
})

test('a row filter tells readers of the rows inside it alone', () => {
  const given = { filter: "region = 'north'", deletes: 'tombstone' as const }
  const south = ['1', 'Ann', 'south', '4711']
  const told = (operation: Operation) => records(given, operation).map(record => record.value?.slice(0, 8) ?? null)
  assert.deepEqual(told(insert(whole, ann)), ['{"id":1,'])
  assert.deepEqual(told(insert(whole, south)), [])
  assert.deepEqual(told(update(whole, south, ann)), ['{"id":1,'])
  assert.deepEqual(told(update(whole, ann, south)), [null])
  assert.deepEqual(told(update(whole, south, south)), [])
  assert.deepEqual(told(remove(whole, ann)), [null])
  assert.deepEqual(told(remove(whole, south)), [])
  assert.throws(() => records(given, insert(customer, ann)), { code: 'ROW_UNSUITABLE', cure: /REPLICA IDENTITY FULL/ })
})

test('entering and leaving a filter are an insert and a delete to every format', () => {
  const given = { filter: "region = 'north'", format: 'audit' }
  const types = (old: string[], now: string[]) =>
    records(given, update(whole, old, now)).map(record => JSON.parse(record.value!).A_ENTTYP)
  const south = ['1', 'Ann', 'south', '4711']
  assert.deepEqual(types(south, ann), ['PT'])
  assert.deepEqual(types(ann, south), ['DL'])
  assert.deepEqual(types(ann, ann), ['UB', 'UP'])
})

test('a processor cannot send by default what is not its operation', () => {
  const rule = tableRule('public.customer', 'bank', { processor: '/p.ts' })
  const process: Processor['process'] = (operation, out) => out.default({ ...operation, kind: 'insert' } as Operation)
  const producer = new Producer({
    rules: { tables: [rule], outbox: { tables: [], messages: [] } },
    sink: new RecordingSink(),
    processors: new Map([['/p.ts', defineProcessor({ name: 'copy', process })]])
  })
  assert.throws(() => producer.process(insert(customer, ann)), {
    code: 'PROCESSOR_FAILED',
    message: /RECORD_INVALID: out\.default\(\)/
  })
})

test('a processor sees the rows and columns of the main output, and sends all outputs by default', () => {
  const sink = new RecordingSink()
  const file = '/p.ts'
  const columns = { ...allColumns, dropped: ['ssn'] }
  const rule = tableRule('public.customer', 'bank', {
    processor: file,
    columns,
    filter: "region = 'north'",
    also: also({ topic: 'bank.full', filter: null })
  })
  const seen: unknown[] = []
  const processor = defineProcessor({
    name: 'look',
    process(operation, out) {
      seen.push(operation.kind, operation.after?.toObject())
      assert.throws(() => operation.after!.text('ssn'), { code: 'COLUMN_UNKNOWN' })
      out.default(operation as never)
    }
  })
  const rules = { tables: [rule], outbox: { tables: [], messages: [] } }
  const producer = new Producer({ rules, sink, processors: new Map([[file, processor]]) })
  producer.begin(transaction)
  producer.process(update(whole, ['1', 'Ann', 'south', '4711'], ann))
  producer.process(insert(whole, ['2', 'Bob', 'south', '4712']))
  assert.deepEqual(seen, ['insert', { id: 1, name: 'Ann', region: 'north' }])
  assert.deepEqual(
    sink.take().map(record => [record.topic, record.value]),
    [
      [topic, '{"id":1,"name":"Ann","region":"north"}'],
      ['bank.full', '{"id":1,"name":"Ann","region":"north","ssn":"4711"}'],
      ['bank.full', '{"id":2,"name":"Bob","region":"south","ssn":"4712"}']
    ]
  )
})
