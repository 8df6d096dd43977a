import { TransactionConsumer, type ConsumedTransaction } from '@tidemark/tcc-consumer'
import type { MqApplication } from '../support/mq-application.ts'
import { until } from '../support/until.ts'

export interface QueueBooksOptions {
  brokers: readonly string[]
  name: string
}

const faultsMax = 20

/** What was put on the queues, and what a consumer of their commit stream has got. */
export class QueueBooks {
  private readonly consumer: TransactionConsumer
  private readonly done: Promise<void>
  private readonly topics: { groups: string; batches: string }
  /** Bodies of each group, in the order put. */
  private readonly putGroups: string[][] = []
  private readonly putMessages: string[] = []
  private readonly gotGroups: string[][] = []
  private readonly gotBatches: string[][] = []
  private gotMessages = 0
  private stopped: string | null = null
  private readonly mixed: string[] = []

  constructor({ brokers, name }: QueueBooksOptions) {
    this.topics = { groups: `${name}.groups`, batches: `${name}.batches` }
    this.consumer = new TransactionConsumer({ brokers: [...brokers], commitStream: `${name}.commits` })
    this.done = this.keep()
  }

  /** Puts some groups and some messages, each group and all messages together in a unit of work. */
  async put(
    application: MqApplication,
    queues: { groups: string; batches: string },
    random: () => number
  ): Promise<void> {
    const groups = Array.from({ length: 1 + Math.floor(random() * 5) }, () => {
      const number = this.putGroups.length
      const size = 1 + Math.floor(random() * 5)
      const group = Array.from({ length: size }, (_, index) => `${number}:${index}/${size}`)
      this.putGroups.push(group)
      return group
    })
    const messages = Array.from({ length: Math.floor(random() * 9) }, () => {
      const body = `m${this.putMessages.length}`
      this.putMessages.push(body)
      return body
    })
    await application.putGroups(
      queues.groups,
      groups.map(bodies => bodies.map(body => ({ body })))
    )
    await application.put(
      queues.batches,
      messages.map(body => ({ body }))
    )
  }

  /** Resolves when as much has come as was put. Throws with what is missing. */
  async caughtUp(timeoutMs: number, told: () => string): Promise<void> {
    await until(
      () =>
        this.stopped !== null ||
        (this.gotGroups.length >= this.putGroups.length && this.gotMessages >= this.putMessages.length),
      { timeoutMs, what: () => `${this.text}; the agent said ${told()}` }
    )
  }

  get text(): string {
    const groups = `${this.gotGroups.length} of ${this.putGroups.length} groups`
    return `${groups}, ${this.gotMessages} of ${this.putMessages.length} messages in ${this.gotBatches.length} batches`
  }

  /** What was put, by queue. */
  get expected(): { groups: readonly string[][]; messages: readonly string[] } {
    return { groups: this.putGroups, messages: this.putMessages }
  }

  /** What is wrong. */
  judge(batchMessages: number): string[] {
    const faults = [...this.mixed, ...(this.stopped === null ? [] : [this.stopped])]
    faults.push(...difference('group', this.putGroups, this.gotGroups))
    faults.push(...difference('message', this.putMessages, this.gotBatches.flat()))
    const large = this.gotBatches.find(({ length }) => length > batchMessages)
    if (large !== undefined) faults.push(`a batch has ${large.length} messages, more than ${batchMessages}`)
    return faults.slice(0, faultsMax)
  }

  totals() {
    const { duplicatesDropped, voidRecords } = this.consumer.statistics()
    const grouped = this.putGroups.reduce((sum, { length }) => sum + length, 0)
    return {
      groups: this.putGroups.length,
      messages: grouped + this.putMessages.length,
      batches: this.gotBatches.length,
      duplicatesDropped,
      voidRecords
    }
  }

  async close(): Promise<void> {
    await this.consumer.close()
    await this.done
  }

  private async keep(): Promise<void> {
    try {
      for await (const transaction of this.consumer) this.enter(transaction)
    } catch (error) {
      this.stopped = `the reader stopped: ${String(error)}`
    }
  }

  private enter({ records, sequence }: ConsumedTransaction): void {
    const topics = new Set(records.map(({ topic }) => topic))
    const bodies = records.map(({ value }) => Buffer.from(value!).toString())
    if (topics.size !== 1) this.mixed.push(`transaction ${sequence} is of ${topics.size} queues`)
    else if (topics.has(this.topics.groups)) this.gotGroups.push(bodies)
    else {
      this.gotBatches.push(bodies)
      this.gotMessages += bodies.length
    }
  }
}

/** The first place where they differ. */
export function difference(what: string, put: readonly unknown[], got: readonly unknown[]): string[] {
  for (let index = 0; index < Math.max(put.length, got.length); index++) {
    const [wanted, found] = [JSON.stringify(put[index]), JSON.stringify(got[index])]
    if (wanted !== found) return [`${what} ${index}: ${found} where ${wanted} was put (${got.length} of ${put.length})`]
  }
  return []
}
