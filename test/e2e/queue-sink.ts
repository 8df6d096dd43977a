import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { startProgram, type Child } from '../support/child.ts'
import type { TestMq } from '../support/mq.ts'

const program = join(import.meta.dirname, '../../mq-sink/bin/tidemark-mq-sink.mjs')
/** Of the sink's channel, so that faults can be made for it alone. */
export const sinkAddress = 'sink(1414)'

/** A queue to put to, one for the state, and the configuration of a sink. */
export interface QueueSink {
  mq: TestMq
  queue: string
  stateQueue: string
  config: string
}

export interface QueueSinkOptions {
  mq: TestMq
  brokers: readonly string[]
  /** `commitStream: ...` or `topics: [...]` */
  source: string
  /** Further lines of the queue's entry. */
  entry?: string
  /** Further lines below `mq`. */
  more?: string
}

export async function useQueueSink(t: TestContext, options: QueueSinkOptions): Promise<QueueSink> {
  const { mq, brokers, source, entry, more } = options
  const [queue, stateQueue] = [await mq.queue(), await mq.queue()]
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const config = join(directory, 'sink.yaml')
  const { queueManager, channel, name } = mq.connection
  writeFileSync(
    config,
    `sink: back
${source}
mq:
  queueManager: ${queueManager}
  connection: {channel: ${channel}, name: ${mq.standIn === null ? name : sinkAddress}}
  stateQueue: ${stateQueue}
  ${more ?? ''}
  queues:
    ${queue}: {${entry ?? ''}}
kafka: {brokers: ${JSON.stringify(brokers)}}
`
  )
  return { mq, queue, stateQueue, config }
}

/** `tidemark-mq-sink <verb> -c <config>`; ends with the test. */
export function sinkOn(
  t: TestContext,
  { mq, config }: QueueSink,
  args: string[],
  environment: Record<string, string> = {}
): Child {
  return startProgram(t, program, {
    args: [...args, '-c', config],
    environment: { ...(mq.environment as Record<string, string>), ...environment }
  })
}
