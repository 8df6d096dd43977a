/** What an order's messages must be: a head that says how many lines follow and what they add up to, then the lines. */
interface OrderMessage {
  order: number
  lines?: number
  total?: number
  amount?: number
}

/** An order as bodies of messages, all of one message group. */
export function orderBodies(order: number, random: () => number): string[] {
  const amounts = Array.from({ length: 1 + Math.floor(random() * 6) }, () => 1 + Math.floor(random() * 500))
  const total = amounts.reduce((sum, amount) => sum + amount, 0)
  return [{ order, lines: amounts.length, total }, ...amounts.map(amount => ({ order, amount }))].map(message =>
    JSON.stringify(message)
  )
}

/** Sees orders go by: each whole, each once, in the order they were put. */
export class OrderCheck {
  whole = 0
  violations = 0
  private last = 0

  /** The messages of one transaction, or of one group. */
  see(bodies: readonly string[]): void {
    const [head, ...lines] = bodies.map(body => JSON.parse(body) as OrderMessage)
    const sum = lines.reduce((sum, { amount = 0 }) => sum + amount, 0)
    const complete = head?.lines === lines.length && head.total === sum
    const together = lines.every(({ order }) => order === head?.order)
    if (!complete || !together || head.order !== this.last + 1) this.violations++
    this.last = head?.order ?? this.last
    this.whole++
  }
}

/** Cuts messages, as they come from a queue, into groups: by group id. */
export class GroupCut {
  private id = ''
  private bodies: string[] = []
  private readonly take: (bodies: readonly string[]) => void

  constructor(take: (bodies: readonly string[]) => void) {
    this.take = take
  }

  message(groupId: string, body: string, isLast: boolean): void {
    if (groupId !== this.id) this.end()
    this.id = groupId
    this.bodies.push(body)
    if (isLast) this.end()
  }

  private end(): void {
    if (this.bodies.length > 0) this.take(this.bodies)
    this.bodies = []
  }
}
