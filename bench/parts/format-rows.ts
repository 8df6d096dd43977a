// One output rule over the same rows: `format-rows <agent | producer> <rule> <rows>`. Agent: all that its process does for a
// row but the sockets, from the bytes of the replication stream to sealed record batches. Producer: encoding alone; each
// decoded row is encoded so often that decoding it does not count.
import { TransactionWriter } from '../../capture/delivery/transaction-writer.ts'
import { Assembler } from '../../capture/postgres/assembler.ts'
import { PgoutputDecoder } from '../../capture/postgres/pgoutput.ts'
import { keepObjectsYoung } from '../../capture/young-objects.ts'
import { Producer } from '../../kcop/producer.ts'
import type { AnnotatedSink } from '../../kcop/record-sink.ts'
import { lsn } from '../../schemas/position.ts'
import { ruleOf, rulesBench } from '../format-rules.ts'
import { Stopwatch, tell } from '../measured.ts'
import { orderCatalogue, orderFrames } from '../order-frames.ts'

keepObjectsYoung()
const [extent, name, rowsText] = process.argv.slice(2) as ['agent' | 'producer', string, string]
const rowsWanted = Number(rowsText)
/** As the agent's flushes. */
const flushBytes = 1_048_576
const partitions = 4
const repeats = extent === 'agent' ? 1 : 16
const batchBytesMax = 1_000_000

const { definition, frames, rows } = orderFrames()
const writer = new TransactionWriter({
  stream: 1,
  epoch: 1,
  sequence: 0,
  named: 0,
  batchBytesMax,
  annotationBytesMax: 8_192,
  now: Date.now,
  ownOffset: () => 0,
  onUnknownTopic: topic => topic.settle({ partitions, messageBytesMax: batchBytesMax }, batchBytesMax)
})
/** Takes records and keeps nothing. */
const nowhere: AnnotatedSink = { topic: topicName => ({ name: topicName }), append: () => {}, annotate: () => {} }
const producer = new Producer(rulesBench(ruleOf(name), extent === 'agent' ? writer : nowhere))
const assembler = new Assembler({
  catalogue: orderCatalogue(),
  from: lsn(0n),
  receiver: {
    schema: table => producer.schema(table),
    begin: transaction => {
      writer.begin(transaction)
      producer.begin(transaction)
    },
    operation: operation => {
      writer.at(operation.ordinal)
      for (let repeat = 0; repeat < repeats; repeat++) producer.process(operation)
    },
    commit: position => {
      writer.commit(position, 3)
    },
    idle: () => {}
  }
})
const decoder = new PgoutputDecoder(assembler)
const send = (frame: Buffer): void => decoder.decode(frame, 0, frame.length)
send(definition)
if (assembler.wanted !== null) assembler.looked()
await producer.ready()

const warm = Math.max(1, Math.ceil(rowsWanted / 2 / rows / repeats))
for (let pass = 0; pass < warm; pass++) carry()
const watch = new Stopwatch()
watch.begin()
let count = 0
for (; count < rowsWanted; count += rows * repeats) carry()
tell(watch.end(count))

function carry(): void {
  for (const frame of frames) {
    send(frame)
    if (writer.bytes > flushBytes) flush()
  }
}

/** Seals what was gathered, as before it is sent. */
function flush(): void {
  const { batches } = writer.take()
  for (const { batch } of batches) {
    batch.seal({ producerId: 1n, producerEpoch: 1, baseSequence: 0, compression: 'none' })
    writer.recycle(batch)
  }
}
