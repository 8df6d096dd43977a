import type pg from 'pg'

/** A line as its record must be: with what its code stood for at that operation. */
export interface TrueLine {
  id: string
  code: string | null
  n: string
  rate: string | null
  label: string | null
}

type Values = Record<string, string | null>

const value = /(\w+)\[[^\]]+\]:(unchanged-toast-datum|null|'(?:[^']|'')*'|\S+)/g

/** The columns in a change as test_decoding writes it; a large value that did not change is left out. */
function valuesOf(text: string): Values {
  const values: Values = {}
  for (const [, name, written] of text.matchAll(value)) {
    if (written === 'unchanged-toast-datum') continue
    values[name!] =
      written === 'null' ? null : written!.startsWith("'") ? written!.slice(1, -1).replaceAll("''", "'") : written!
  }
  return values
}

/**
 * What the source itself says: its changes in commit order, decoded by PostgreSQL's own test plugin from a slot of its own,
 * and followed here one after the other.
 */
export class LookupTruth {
  private readonly client: pg.Client
  private readonly slot: string
  private readonly rates = new Map<string, Values>()
  readonly lines: TrueLine[] = []

  constructor(client: pg.Client, slot: string) {
    this.client = client
    this.slot = slot
  }

  /** From now on. Call before the first change. */
  static async open(client: pg.Client, slot: string): Promise<LookupTruth> {
    await client.query(`SELECT pg_create_logical_replication_slot('${slot}', 'test_decoding')`)
    return new LookupTruth(client, slot)
  }

  /** Reads on to now. Returns every line since the begin, in order. */
  async read(): Promise<readonly TrueLine[]> {
    const { rows } = await this.client.query<{ data: string }>(
      `SELECT data FROM pg_logical_slot_get_changes('${this.slot}', null, null)`
    )
    for (const { data } of rows) this.follow(data)
    return this.lines
  }

  private follow(data: string): void {
    const [, table, kind, rest] = /^table public\.(\w+): (\w+): (.*)$/s.exec(data) ?? []
    if (table === 'rate') this.rate(kind!, rest!)
    if (table === 'line' && kind !== 'DELETE') this.line(valuesOf(newPart(rest!)))
  }

  private rate(kind: string, rest: string): void {
    if (kind === 'TRUNCATE') return this.rates.clear()
    const old = kind === 'INSERT' ? null : valuesOf(oldPart(rest))
    const before = old === null ? undefined : this.rates.get(old['code']!)
    if (old !== null) this.rates.delete(old['code']!)
    if (kind === 'DELETE') return
    const values = { ...before, ...valuesOf(newPart(rest)) }
    this.rates.set(values['code']!, values)
  }

  private line({ id, code, n }: Values): void {
    const rate = code === null ? undefined : this.rates.get(code!)
    this.lines.push({
      id: id!,
      code: code!,
      n: n!,
      rate: rate?.['value'] ?? null,
      label: rate?.['label'] ?? null
    })
  }
}

function oldPart(rest: string): string {
  return rest.startsWith('old-key: ') ? rest.slice(9, rest.indexOf(' new-tuple: ')) : rest
}

function newPart(rest: string): string {
  const at = rest.indexOf(' new-tuple: ')
  return at < 0 ? rest : rest.slice(at + 12)
}
