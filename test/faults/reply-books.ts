import type { QueueManager } from '../../services/mq.ts'
import type { SeenMessage } from '../../services/mq/control.ts'
import { until } from '../support/until.ts'
import { difference } from './queue-books.ts'

type Expected = { groups: readonly string[][]; messages: readonly string[] }

const shownMax = 100_000

/** The queues to which a sink puts back what was captured. */
export class ReplyBooks {
  readonly groups: string
  readonly batches: string
  readonly stateQueue: string
  private readonly manager: QueueManager
  private fromGroups: SeenMessage[] = []
  private fromBatches: SeenMessage[] = []

  constructor(manager: QueueManager, name: string) {
    this.manager = manager
    this.groups = `${name}.BACK.GROUPS`
    this.batches = `${name}.BACK.BATCHES`
    this.stateQueue = `${name}.STATE`
  }

  get queues(): string[] {
    return [this.groups, this.batches, this.stateQueue]
  }

  get messages(): number {
    return this.fromGroups.length + this.fromBatches.length
  }

  /** Resolves when as much was put back as had been put. Throws with what is missing. */
  async caughtUp(expected: Expected, timeoutMs: number, told: () => string): Promise<void> {
    const wanted = expected.groups.flat().length + expected.messages.length
    const look = async () => {
      this.fromGroups = await this.committed(this.groups)
      this.fromBatches = await this.committed(this.batches)
      return this.messages >= wanted
    }
    const what = () => `${this.messages} of ${wanted} messages were put back; the sink said ${told()}`
    await until(look, { timeoutMs, intervalMs: 500, what })
  }

  /** What is wrong: groups are whole again, in the order of their queue, each once. */
  judge({ groups, messages }: Expected): string[] {
    return [
      ...difference('group put back', groups, groupsOf(this.fromGroups)),
      ...difference('message put back', messages, bodiesOf(this.fromBatches))
    ]
  }

  private async committed(queue: string): Promise<SeenMessage[]> {
    const { messages } = await this.manager.look(queue, shownMax)
    return messages.filter(({ uncommitted }) => !uncommitted)
  }
}

function bodiesOf(messages: readonly SeenMessage[]): string[] {
  return messages.map(({ body }) => body)
}

/** As they stand: messages of one group id, one after another, numbered from 1. */
function groupsOf(messages: readonly SeenMessage[]): string[][] {
  const groups: string[][] = []
  let last = ''
  for (const { groupId, sequence, body } of messages) {
    if (groupId !== last) groups.push([])
    last = groupId
    const group = groups.at(-1)!
    group.push(body)
    if (group.length !== sequence) group.push(`numbered ${sequence}`)
  }
  return groups
}
