import type { TestContext } from 'node:test'
import type { PositionBytes } from '@tidemark/schemas/position.ts'
import type { TestMq } from '../../../test/support/mq.ts'
import type { SourceConnection, UnitReceiver } from '../../source.ts'
import type { MqQueueOptions } from '../connection-options.ts'
import { MqSource, type MqSourceOptions } from '../mq-source.ts'
import { originPosition } from '../position.ts'

export const never = new AbortController().signal

/** A queue read message by message, unless `given` says otherwise. */
export function queueOptions(name: string, given: Partial<MqQueueOptions> = {}): MqQueueOptions {
  return {
    name,
    unit: 'message',
    batchMessages: 100,
    batchMs: 0,
    backoutThreshold: null,
    backoutQueue: null,
    convert: true,
    ...given
  }
}

/** A source of a test's queue manager. */
export function sourceOf(mq: TestMq, queues: MqQueueOptions[], given: Partial<MqSourceOptions> = {}): MqSource {
  return new MqSource({
    connection: mq.connection,
    queues,
    applicationName: 'tidemark test',
    besideFile: import.meta.filename,
    environment: mq.environment,
    unitOfWork: { messages: 1_000, bytes: 16_777_216, ms: 1_000 },
    unitMsMax: 10_000,
    messageBytesMax: 4_194_304,
    retryMs: 20,
    doubtMs: 900_000,
    now: () => performance.now(),
    after: (ms, task) => {
      const timer = setTimeout(task, ms)
      return () => clearTimeout(timer)
    },
    onEvent: () => {},
    ...given
  })
}

export interface SeenTransaction {
  sourceId: string
  bodies: string[]
}

/** Keeps what comes; settles units by itself unless told not to. */
export class Recorder implements UnitReceiver {
  readonly transactions: SeenTransaction[] = []
  readonly units: PositionBytes[] = []
  readonly properties: ReadonlyMap<string, unknown>[] = []
  readonly contents: Buffer[] = []
  connection: SourceConnection | null = null
  settling = true
  /** Whether Kafka takes a unit. */
  takes: (position: PositionBytes) => boolean = () => true
  onOperation: () => void = () => {}

  begin({ sourceId }: Parameters<UnitReceiver['begin']>[0]): void {
    this.transactions.push({ sourceId, bodies: [] })
  }
  operation({ message }: Parameters<UnitReceiver['operation']>[0]): void {
    this.contents.push(Buffer.from(message!.bytes))
    this.transactions.at(-1)!.bodies.push(this.contents.at(-1)!.toString())
    this.properties.push(new Map(message!.properties))
    this.onOperation()
  }
  schema(): void {}
  commit(): void {}
  idle(): void {}
  unit(position: PositionBytes): void {
    this.units.push(position)
    if (this.settling && this.takes(position)) this.connection!.settle(position)
  }
  get bodies(): string[] {
    return this.transactions.flatMap(({ bodies }) => bodies)
  }
}

/** A source that was opened and reads; it is closed with the test. */
export async function reading(
  t: TestContext,
  source: MqSource,
  from: PositionBytes = originPosition
): Promise<{ recorder: Recorder; connection: SourceConnection; end: Promise<void> }> {
  const connection = await source.open(never)
  t.after(() => connection.close())
  const recorder = new Recorder()
  recorder.connection = connection
  const end = connection.run(recorder, from)
  end.catch(() => {})
  return { recorder, connection, end }
}

/** Messages m0, m1, ... */
export function numbered(count: number, from = 0): { body: string }[] {
  return Array.from({ length: count }, (_, index) => ({ body: `m${from + index}` }))
}
