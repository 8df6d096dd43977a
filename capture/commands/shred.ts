import { BatchBuilder } from '@tidemark/kafka/record-batch/batch-builder.ts'
import { partitionOf } from '@tidemark/kafka/partitioner.ts'
import { ProducerSession } from '@tidemark/kafka/producer-session.ts'
import { SubjectKeyLog } from '@tidemark/kafka/subject-key-log.ts'
import { ClusterProduceWire } from '@tidemark/kafka/wire.ts'
import { subjectHandle } from '@tidemark/schemas/subject-key.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { subjectKeysTopicOf, type Configuration } from '../config/configuration.ts'
import { openConnections, type Connections } from '../preflight/connections.ts'
import { systemSurroundings } from '../system-surroundings.ts'
import type { ExitCode, Invocation } from './invocation.ts'

const keysBytesMax = 1_073_741_824

/** `tidemark shred`: destroys every data key of one subject. */
export async function shred(invocation: Invocation): Promise<ExitCode> {
  const configuration = invocation.configuration()
  if (configuration === null) return 1
  const topic = subjectKeysTopicOf(configuration)
  if (topic === null) throw nothingToShred()
  const handle = handleOf(invocation, configuration)
  const connections = openConnections(configuration)
  try {
    const keys = await readKeys(connections, topic)
    const ids = keys.idsOf(handle)
    if (ids.length > 0 && invocation.options.yes !== true) throw notAllowed(ids.length)
    if (ids.length > 0) await destroy(connections, configuration, keys, { handle, ids, topic })
    const text = `${ids.length} data ${ids.length === 1 ? 'key' : 'keys'} of the subject destroyed in ${topic}\n`
    invocation.answer({ ok: true, destroyed: ids.length, topic, findings: [] }, text)
    return 0
  } finally {
    await connections.close()
  }
}

interface Subject {
  handle: string
  /** Of its data keys, hexadecimal digits. */
  ids: readonly string[]
  topic: string
}

/** Throws USAGE. */
function handleOf({ options }: Invocation, configuration: Configuration): string {
  const { key, subject } = options
  const known = configuration.keys.map(({ name }) => name)
  if (typeof key !== 'string' || !known.includes(key)) {
    throw new TidemarkError('USAGE', {
      message: 'a key of the configuration is to be named with --key',
      cure: `use one of: ${known.join(', ')}`
    })
  }
  if (typeof subject === 'string') return subjectHandle(key, subject)
  throw new TidemarkError('USAGE', {
    message: 'the subject is to be named with --subject',
    cure: 'give the value of the column that names it, as PostgreSQL writes it'
  })
}

/** Throws TOPIC_MISSING. */
async function readKeys({ cluster, reader }: Connections, topic: string): Promise<SubjectKeyLog> {
  const { partitions } = await cluster.topic(topic)
  const log = new SubjectKeyLog({ reader, topic, partitions: partitions.length, bytesMax: keysBytesMax })
  await log.catchUp()
  return log
}

/** A tombstone for each key, and for what an agent may have added meanwhile. */
async function destroy(
  { cluster }: Connections,
  { subscription }: Configuration,
  keys: SubjectKeyLog,
  { handle, ids, topic }: Subject
): Promise<void> {
  const partitions = (await cluster.topic(topic)).partitions.length
  const session = await ProducerSession.open(new ClusterProduceWire(cluster), `tidemark-${subscription}-shred`)
  for (let left = ids; left.length > 0; left = keys.idsOf(handle)) {
    await session.produce(tombstones(handle, left, { topic, partitions }))
    await keys.catchUp()
  }
}

function tombstones(
  handle: string,
  ids: readonly string[],
  { topic, partitions }: { topic: string; partitions: number }
) {
  const batches = new Map<number, BatchBuilder>()
  for (const id of ids) {
    const key = Buffer.from(`${handle}/${id}`)
    const partition = partitionOf(key, 0, key.length, partitions)
    const batch = batches.get(partition) ?? new BatchBuilder()
    batches.set(partition, batch)
    batch.append(systemSurroundings.now(), key, 0, key.length, null, 0, 0, 0, noHeaders, 0, 0)
  }
  return [...batches].map(([partition, batch]) => ({ topic, partition, batch }))
}

const noHeaders = Buffer.alloc(0)

function nothingToShred(): TidemarkError {
  return new TidemarkError('USAGE', {
    message: 'no column of the configuration is encrypted by subject',
    cure: 'see docs/protection.md: `{encrypt: {key: .., subject: ..}}`'
  })
}

function notAllowed(count: number): TidemarkError {
  return new TidemarkError('USAGE', {
    message: `the subject has ${count} data ${count === 1 ? 'key' : 'keys'}; what they protect can never be read again`,
    cure: 'add --yes to destroy them'
  })
}
