import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { Cluster } from '@tidemark/kafka/cluster.ts'
import { PartitionFetcher } from '@tidemark/kafka/partition-fetcher.ts'
import { fetchDebezium, startDebezium } from '../test/debezium/debezium-connect.ts'
import type { Measured } from './measured.ts'

/** What makes Debezium fast, as its users tune it: large batches and queues, a short linger, JSON without schemas. */
const tuned = {
  connector: {
    'max.batch.size': '20480',
    'max.queue.size': '81920',
    'poll.interval.ms': '10',
    'tombstones.on.delete': 'true'
  },
  worker: {
    'producer.linger.ms': '5',
    'producer.batch.size': '262144',
    'producer.buffer.memory': '134217728',
    'producer.acks': 'all',
    'producer.compression.type': 'none',
    'producer.max.request.size': '4194304',
    'offset.flush.interval.ms': '1000'
  }
}

/** Clock ticks a second of proc(5)'s CPU times on Linux. */
const ticks = 100

export interface DebeziumRun {
  postgresUrl: string
  brokers: readonly string[]
  slot: string
  publication: string
  rows: number
  /** With its own transaction topic, which readers need to put transactions together. */
  transactions: boolean
  say: (text: string) => void
}

/** A tuned Debezium drains the slot: from its first streaming to its last record. */
export async function drainByDebezium(run: DebeziumRun): Promise<Measured> {
  const { postgresUrl, brokers, slot, publication, rows } = run
  const prefix = `dbz_${slot}`
  const server = await startDebezium({
    libs: fetchDebezium(run.say),
    postgresUrl,
    brokers,
    slot,
    publication,
    prefix,
    heapMegabytes: 2048,
    settings: { ...tuned.connector, 'provide.transaction.metadata': String(run.transactions) },
    workerSettings: tuned.worker
  })
  const began = performance.now()
  const cluster = new Cluster({ brokers: [...brokers], clientId: 'bench' })
  try {
    const reader = PartitionFetcher.of(cluster)
    const topics = ['account', 'transfer'].map(table => `${prefix}.public.${table}`)
    let count = 0
    while (count < rows) {
      await pause(50)
      const ends = await Promise.all(
        topics.map(topic =>
          reader.bounds(topic, 0).then(
            ({ end }) => end,
            () => 0
          )
        )
      )
      count = ends.reduce((sum, end) => sum + end, 0)
    }
    return { count, seconds: (performance.now() - began) / 1000, ...usage(server.pid) }
  } finally {
    await cluster.close()
    await server.kill('SIGKILL')
  }
}

/** CPU time and largest resident size of a process so far (proc(5)). */
function usage(pid: number): Pick<Measured, 'cpuSeconds' | 'peakMegabytes'> {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
  const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]
  return {
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / ticks,
    peakMegabytes: Math.round(Number(peak) / 1024)
  }
}
