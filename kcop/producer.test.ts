import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Operation } from '@tidemark/schemas/operation.ts'
import { isTidemarkError, TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { json } from './json-value.ts'
import type { Notice } from './notice.ts'
import { defineProcessor, type Output, type Processor, type ProcessorOperation } from './processor.ts'
import { Producer } from './producer.ts'
import { tableRule, type ProducerRules } from './rules.ts'
import { insert, message, remove, table, transaction, truncate, UNCHANGED, update } from './testing/operations.ts'
import { RecordingSink } from './testing/recording-sink.ts'
import { TruncateAnnotation } from './truncate-annotation.ts'

const file = '/bank/processors/transfers.ts'
const transfer = table('transfer', { id: 'int8', amount: 'numeric', note: 'text' })
const rules: ProducerRules = {
  tables: [tableRule('public.transfer', 'bank', { processor: file }), tableRule('public.account', 'bank')],
  outbox: { tables: [], messages: [] }
}

function producerWith(processor: Partial<Processor>, sink = new RecordingSink()) {
  const whole = defineProcessor({ name: 'transfers', process: () => {}, ...processor })
  return { sink, producer: new Producer({ rules, sink, processors: new Map([[file, whole]]) }) }
}

/** Runs one operation through a processor. */
function run(process: Processor['process'], operation: Operation = insert(transfer, ['1', '700.00', 'rent'])) {
  const { sink, producer } = producerWith({ process })
  producer.process(operation)
  return sink.take()
}

const byDefault = { topic: 'bank.public.transfer', key: '{"id":1}', headers: {} }

test('a processor sends records of its own beside what the format sends, in the order sent', () => {
  const records = run((operation, out) => {
    if (operation.kind === 'insert' && operation.after.number('amount')! > 500) {
      out.send({ topic: 'bank.large', key: operation.key, value: json(operation.after.pick('id', 'amount')) })
    }
    out.default(operation)
  })
  assert.deepEqual(records, [
    { topic: 'bank.large', key: '{"id":1}', value: '{"id":1,"amount":"700.00"}', headers: {} },
    { ...byDefault, value: '{"id":1,"amount":"700.00","note":"rent"}' }
  ])
})

test('a processor may send nothing', () => {
  assert.deepEqual(
    run(() => {}),
    []
  )
})

test('keys, values and headers may be strings, bytes or null; a partition may be chosen', () => {
  const records = run((_operation, out) => {
    out.send({
      topic: 'a',
      key: 'ключ',
      value: new Uint8Array([65, 66]),
      headers: { naïve: 'é', none: null, raw: Buffer.from('x') }
    })
    out.send({ topic: 'a', key: null, value: null, partition: 3 })
    out.send({ topic: 'a', key: '', value: '' })
  })
  assert.deepEqual(records, [
    { topic: 'a', key: 'ключ', value: 'AB', headers: { naïve: 'é', none: null, raw: 'x' } },
    { topic: 'a', partition: 3, key: null, value: null, headers: {} },
    { topic: 'a', key: '', value: '', headers: {} }
  ])
})

test('a record that cannot be sent stops by name', () => {
  const wrong: [unknown, RegExp][] = [
    [{ topic: 'a b', key: null, value: null }, /topic name .* may only hold/],
    [{ topic: '', key: null, value: null }, /topic name .* is empty/],
    [{ topic: 7, key: null, value: null }, /topic .* is not a string/],
    [{ topic: 'a', value: null }, /the key of a record for a is missing/],
    [{ topic: 'a', key: null, value: 12 }, /the value of a record for a is of type number/],
    [{ topic: 'a', key: '\ud800', value: null }, /half a surrogate pair/],
    [{ topic: 'a', key: null, value: null, partition: -1 }, /partition .* not a whole number/],
    [{ topic: 'a', key: null, value: null, partition: 1.5 }, /partition .* not a whole number/],
    [{ topic: 'a', key: null, value: null, headers: { tidemark: 'x' } }, /header tidemark .* written by Tidemark/],
    [{ topic: 'a', key: null, value: null, headers: { x: 1 } }, /header x of a record for a is of type number/],
    [null, /needs a record/]
  ]
  for (const [record, message] of wrong) {
    assert.throws(
      () => run((_operation, out) => out.send(record as never)),
      (error: unknown) => {
        assert.ok(isTidemarkError(error, 'PROCESSOR_FAILED'))
        assert.match(error.message, message)
        return /RECORD_INVALID/.test(error.message)
      }
    )
  }
})

test('what a processor throws is told by place, table and operation, and not by its message', () => {
  const thrown = (error: unknown) => () => {
    throw error
  }
  const fault = (process: Processor['process']) => {
    try {
      run(process)
    } catch (error) {
      return error as TidemarkError
    }
    return assert.fail('nothing was thrown')
  }
  const error = fault(thrown(new RangeError('secret 4711')))
  assert.equal(error.code, 'PROCESSOR_FAILED')
  assert.equal(
    error.message,
    'processor transfers failed in process of insert on public.transfer, operation 3 of transaction 757: RangeError'
  )
  assert.ok(!`${error.format()}${String((error.cause as Error).stack)}`.includes('secret'))
  assert.ok(!fault(thrown('secret')).message.includes('secret'))
  assert.match(fault(thrown(undefined)).message, /TypeError|threw/)
  const unknown = fault(operation => operation.after!.text('nothing'))
  assert.match(unknown.message, /COLUMN_UNKNOWN: table public\.transfer has no column nothing/)
  assert.match(unknown.cure, /id, amount, note/)
})

test('the place of a failure is the line in the processor file', () => {
  const error = new Error('x')
  error.stack = `Error: x\n    at process (file://${file}:12:5)\n    at other (file:///elsewhere.ts:1:1)`
  assert.throws(
    () =>
      run(() => {
        throw error
      }),
    { place: `${file}:12:5` }
  )
})

test('a processor that returns a promise is refused, and its rejection ends nothing', async () => {
  const process = (async () => {
    await Promise.resolve()
    throw new Error('later')
  }) as unknown as Processor['process']
  assert.throws(() => run(process), /returned a promise/)
  await new Promise(resolve => {
    setImmediate(resolve)
  })
})

test('an error of the sink passes as it is, even when the processor caught it', () => {
  const sink = new RecordingSink()
  sink.append = () => {
    throw new TidemarkError('PRODUCER_FENCED', { message: 'fenced' })
  }
  const { producer } = producerWith(
    {
      process(operation, out) {
        try {
          out.default(operation)
        } catch {
          throw new Error('other')
        }
      }
    },
    sink
  )
  assert.throws(() => producer.process(insert(transfer, ['1', '1', null])), { code: 'PRODUCER_FENCED' })
})

test('what out refused stops the transaction although the processor went on', () => {
  const process: Processor['process'] = (_operation, out) => {
    try {
      out.send({ topic: '', key: null, value: null })
    } catch {
      out.send({ topic: 'a', key: null, value: null })
    }
  }
  assert.throws(() => run(process), { code: 'PROCESSOR_FAILED' })
})

test('out cannot be used after the processor returned', () => {
  let kept: Output | undefined
  run((_operation, out) => {
    kept = out
  })
  assert.throws(() => kept!.send({ topic: 'a', key: null, value: null }), { code: 'RECORD_INVALID' })
})

test('an update tells the old row, the key after it and the changed columns', () => {
  const seen: unknown[] = []
  const look = (operation: ProcessorOperation) => {
    if (operation.kind !== 'update') return
    const { before, after, changed, key } = operation
    seen.push([before?.toObject() ?? null, after.toObject(), changed, key?.toString()])
  }
  run(look, update(transfer, ['1', '5.0', 'a'], ['1', '5.0', 'b']))
  run(look, update(transfer, ['1', null, null], ['2', '5.0', UNCHANGED], true))
  run(look, update(transfer, null, ['1', null, 'b']))
  assert.deepEqual(seen, [
    [{ id: 1, amount: '5.0', note: 'a' }, { id: 1, amount: '5.0', note: 'b' }, ['note'], '{"id":1}'],
    [{ id: 1 }, { id: 2, amount: '5.0' }, null, '{"id":2}'],
    [null, { id: 1, amount: null, note: 'b' }, null, '{"id":1}']
  ])
})

test('a delete tells the key of the old row, and a key kept stays what it was', () => {
  const keys: (Buffer | null)[] = []
  const { producer } = producerWith({ process: operation => void keys.push(operation.key) })
  producer.process(remove(transfer, ['1', null, null], true))
  producer.process(insert(transfer, ['23', '1', null]))
  assert.deepEqual(keys.map(String), ['{"id":1}', '{"id":23}'])
})

test('hooks see the transaction, the table and its first copy, and may send and annotate', () => {
  const calls: string[] = []
  const { sink, producer } = producerWith({
    begin: context => void calls.push(`begin ${context.sourceId}`),
    commit(context, out) {
      out.annotate('rows', String(calls.length))
      out.send({ topic: 'bank.done', key: context.sourceId, value: 'x' })
    },
    schema: of => void calls.push(`schema ${of.qualifiedName}`),
    refreshStart: of => void calls.push(`start ${of.name}`),
    refreshEnd: of => void calls.push(`end ${of.name}`)
  })
  producer.schema(transfer)
  producer.refreshStart(transfer)
  producer.refreshEnd(transfer)
  producer.begin(transaction)
  producer.commit(transaction)
  assert.deepEqual(calls, ['schema public.transfer', 'start transfer', 'end transfer', 'begin 757'])
  assert.deepEqual(sink.annotations, { rows: '4' })
  assert.deepEqual(sink.take(), [{ topic: 'bank.done', key: '757', value: 'x', headers: {} }])
})

test('annotations are bounded and named', () => {
  const annotate = (name: string, value: string) => () => run((_operation, out) => out.annotate(name, value))
  annotate('count', 'x'.repeat(4096))()
  const wrong = [annotate('count', 'x'.repeat(4097)), annotate('a b', ''), annotate('', ''), annotate('truncate', '')]
  for (const call of wrong) assert.throws(call, { code: 'PROCESSOR_FAILED' })
})

test('a truncate makes no record but an annotation that names the tables, in order', () => {
  const account = table('account', { id: 'int8' })
  const stranger = table('stranger', { id: 'int8' })
  const seen: string[] = []
  const { sink, producer } = producerWith({
    process: () => assert.fail('a truncate is not processed'),
    truncate: operation => void seen.push(`${operation.kind} ${operation.table!.name}`)
  })
  producer.begin(transaction)
  producer.process(truncate(transfer, stranger, account))
  producer.process({ ...truncate(account), ordinal: 9 })
  producer.process(truncate(stranger))
  producer.commit(transaction)
  assert.deepEqual(sink.take(), [])
  assert.deepEqual(JSON.parse(sink.annotations['truncate']!), [
    { operation: 3, tables: ['public.transfer', 'public.account'] },
    { operation: 9, tables: ['public.account'] }
  ])
  assert.deepEqual(seen, ['truncate transfer'])
})

test('truncates of one transaction are not told again in the next, and never too many', () => {
  const { sink, producer } = producerWith({})
  producer.begin(transaction)
  for (let count = 0; count < 5000; count++) producer.process(truncate(transfer))
  producer.commit(transaction)
  const entries = JSON.parse(sink.annotations['truncate']!) as { more?: number }[]
  assert.ok(sink.annotations['truncate']!.length <= 4096)
  assert.equal(entries.length - 1 + entries.at(-1)!.more!, 5000)
  delete sink.annotations['truncate']
  producer.begin(transaction)
  producer.commit(transaction)
  assert.deepEqual(sink.annotations, {})
})

test('what an abandoned transaction truncated is forgotten', () => {
  const { sink, producer } = producerWith({})
  producer.begin(transaction)
  producer.process(truncate(transfer))
  producer.begin(transaction)
  producer.commit(transaction)
  assert.deepEqual(sink.annotations, {})
})

test('once a truncate is too long to be listed, none behind it is', () => {
  const tables = Array.from({ length: 200 }, (_, index) => `public.table_${index}_with_a_long_name`)
  const listed = new TruncateAnnotation()
  const sink = new RecordingSink()
  listed.add(truncate(transfer), ['public.first'])
  listed.add(truncate(transfer), tables)
  listed.add(truncate(transfer), ['public.last'])
  listed.write(sink)
  assert.deepEqual(JSON.parse(sink.annotations['truncate']!), [{ operation: 3, tables: ['public.first'] }, { more: 2 }])
})

test('a published table that no rule names is told once and left out', () => {
  const notices: Notice[] = []
  const sink = new RecordingSink()
  const producer = new Producer({
    rules: { tables: [], outbox: rules.outbox },
    sink,
    notify: notice => notices.push(notice)
  })
  producer.process(insert(transfer, ['1', '1', null]))
  producer.process(insert(transfer, ['2', '1', null]))
  producer.process(message('anything', 'x'))
  assert.deepEqual(sink.take(), [])
  assert.equal(notices.length, 1)
  assert.match(notices[0]!.message, /public\.transfer is published but not configured/)
})

test('rules that cannot be followed are refused at the start', () => {
  const start = (given: Parameters<typeof tableRule>[2]) => () =>
    new Producer({ rules: { ...rules, tables: [tableRule('public.a', 'bank', given)] }, sink: new RecordingSink() })
  assert.throws(start({ format: 'avro' }), { code: 'NOT_AVAILABLE' })
  assert.throws(start({ topic: 'a b' }), { code: 'CONFIG_INVALID' })
  assert.throws(start({ processor: '/nowhere.ts' }), { code: 'PROCESSOR_INVALID' })
})

test('a format that is not ready is waited for', async () => {
  const { promise, resolve } = Promise.withResolvers<void>()
  const slow = {
    name: 'slow',
    compile: () => ({ key: () => {}, value: () => null, ready: () => promise })
  }
  const slowRules = { ...rules, tables: [tableRule('public.transfer', 'bank', { format: 'slow' })] }
  const producer = new Producer({ rules: slowRules, sink: new RecordingSink(), formats: [slow] })
  assert.equal(producer.ready(), null)
  producer.schema(transfer)
  const wait = producer.ready()
  assert.equal(producer.ready(), null)
  resolve()
  await wait
})
