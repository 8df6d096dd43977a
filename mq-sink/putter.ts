import { failedEvent } from '@tidemark/capture/mq/failed-event.ts'
import type { MqPackage } from '@tidemark/capture/mq/mq-package.ts'
import { MqiConnection } from '@tidemark/capture/mq/mqi-connection.ts'
import { isTidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { PutFrameReader, type PutFrame } from './put-frame.ts'
import type { PutterCommand, PutterEvent } from './putter-messages.ts'
import type { PutterOptions } from './sink-options.ts'
import { lookAtTargets } from './target-look.ts'
import { UnitPutter } from './unit-putter.ts'

export interface PutterSurroundings {
  /** Throws MQ_CLIENT_MISSING. */
  load(besideFile: string): MqPackage
  tell(event: PutterEvent): void
  pause(ms: number): Promise<unknown>
  /** Ends the process. */
  exit(): void
}

/** What the process that puts does with what it is sent. Any failure is told and ends it, with everything backed out. */
export class Putter {
  private readonly surroundings: PutterSurroundings
  private readonly frames = new PutFrameReader()
  private connection: MqiConnection | null = null
  private units: UnitPutter | null = null
  private ended = false

  constructor(surroundings: PutterSurroundings) {
    this.surroundings = surroundings
  }

  take(chunk: Buffer): void {
    if (this.ended) return
    try {
      for (const frame of this.frames.take(chunk)) this.perform(frame)
    } catch (error) {
      this.stop(error)
    }
  }

  /** What is open is backed out first: MQDISC would commit it. */
  end(): void {
    if (this.ended) return
    this.ended = true
    this.connection?.disconnect()
    this.surroundings.exit()
  }

  private perform(frame: PutFrame): void {
    if (frame.kind === 'message') this.units!.put(frame.message)
    else if (frame.kind === 'commit') {
      this.units!.commit(frame.state.toString())
      this.surroundings.tell({ type: 'committed' })
    } else void this.start(JSON.parse(frame.text) as PutterCommand).catch((error: unknown) => this.stop(error))
  }

  private async start(command: PutterCommand): Promise<void> {
    const { options } = command
    const { load, tell } = this.surroundings
    this.connection = new MqiConnection(load(options.besideFile), options.connection, options.applicationName)
    if (command.do === 'look') return tell(lookAtTargets(this.connection, options))
    const units = await this.opened(this.connection, options, command.retryMs)
    this.units = units
    if (command.do === 'begin' && units.committedState === null) units.begin(command.state)
    const { maxUncommitted } = this.connection.manager()
    tell({ type: 'opened', state: units.committedState, maxUncommitted })
  }

  /** Waits aloud while another sink, or the dead connection of an earlier one, holds the state queue. */
  private async opened(
    connection: MqiConnection,
    { stateQueue, queues }: PutterOptions,
    retryMs: number
  ): Promise<UnitPutter> {
    for (;;) {
      try {
        return new UnitPutter(connection, stateQueue, queues)
      } catch (error) {
        if (!isTidemarkError(error, 'MQ_QUEUE_IN_USE')) throw error
        this.surroundings.tell({ type: 'waiting', queue: stateQueue })
        await this.surroundings.pause(retryMs)
      }
    }
  }

  private stop(error: unknown): void {
    if (this.ended) return
    this.surroundings.tell(failedEvent(error))
    this.end()
  }
}
