import type { Operation } from '@tidemark/schemas/operation.ts'
import type { Table } from '@tidemark/schemas/table.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { Tuple } from '@tidemark/schemas/tuple.ts'
import type { ColumnProtections } from '../protection/column-protections.ts'
import type { OutputProtection } from '../protection/column-protector.ts'
import type { RecordSink } from '../record-sink.ts'
import { AlteredOperation } from '../routing/altered-operation.ts'
import { planColumns } from '../routing/column-plan.ts'
import { PlacingSink } from '../routing/placing-sink.ts'
import { Projection } from '../routing/projection.ts'
import type { OutboxMessageRule } from '../rules.ts'
import { outputShape, requireOpen } from './outbox-protection.ts'

/** A field of a message: text, or any other JSON. */
export type MessageFieldKind = 'text' | 'json'

/** An event with its fields protected. Valid until the next one. */
export interface ShieldedEvent {
  readonly names: readonly string[]
  /** A protected field is text. */
  readonly kinds: readonly MessageFieldKind[]
  readonly image: Tuple
  readonly sink: PlacingSink
}

/** What is compiled for one set of fields. */
interface Shape {
  readonly table: Table
  readonly names: readonly string[]
  readonly kinds: readonly MessageFieldKind[]
  readonly projection: Projection
  readonly sink: PlacingSink
}

/** Messages of one prefix have few shapes; above it the oldest are compiled again. */
const shapesMax = 256

/** Protects the fields of logical messages before an event is made of them. */
export class MessageShield {
  private readonly rule: OutboxMessageRule
  private readonly sink: RecordSink
  private readonly protections: ColumnProtections
  private readonly shapes = new Map<string, Shape>()
  private readonly operation = new AlteredOperation()

  /** Throws CONFIG_INVALID for a protection that would change where events go, KEY_INVALID. */
  constructor(rule: OutboxMessageRule, sink: RecordSink, protections: ColumnProtections) {
    this.rule = rule
    this.sink = sink
    this.protections = protections
    const ruled = ruledFields(rule)
    const names = [...new Set([rule.id, rule.key, rule.payload, rule.routeBy, ...ruled])]
    // What is wrong with the rules shows without a message.
    this.compile(
      names,
      names.map(() => 'text')
    )
    requireOpen(rule, `messages ${rule.prefix}`)
  }

  /** Throws ROW_UNSUITABLE when a field that a rule names is not in the message: renamed, it would go out as it is. */
  of(source: Operation, names: readonly string[], kinds: readonly MessageFieldKind[], image: Tuple): ShieldedEvent {
    this.requireFields(names)
    const { projection, sink, table, ...shape } = this.shape(names, kinds)
    const { operation } = this
    operation.copy(source, null)
    operation.kind = 'insert'
    operation.table = table
    operation.newTuple = image
    const shielded = projection.of(operation)
    sink.enter(shielded)
    return { ...shape, image: shielded.newTuple!, sink }
  }

  private requireFields(names: readonly string[]): void {
    const { prefix } = this.rule
    const missing = ruledFields(this.rule).filter(name => !names.includes(name))
    if (missing.length === 0) return
    throw new TidemarkError('ROW_UNSUITABLE', {
      message: `a logical message with prefix ${prefix} has no field ${missing.join(', ')}, which is to be protected`,
      cure: 'emit the field (null if there is nothing), or correct the name under `columns`'
    })
  }

  private shape(names: readonly string[], kinds: readonly MessageFieldKind[]): Shape {
    const id = JSON.stringify([names, kinds])
    const known = this.shapes.get(id)
    if (known !== undefined) return known
    if (this.shapes.size >= shapesMax) this.shapes.delete(this.shapes.keys().next().value!)
    const shape = this.compile(names, kinds)
    this.shapes.set(id, shape)
    return shape
  }

  private compile(names: readonly string[], kinds: readonly MessageFieldKind[]): Shape {
    const { rule, sink } = this
    const table = messageTable(rule.prefix, names, kinds)
    const plan = planColumns(table, { ...outputShape(rule), key: [rule.key] })
    const protection: OutputProtection = this.protections.compile(table, plan, rule.topic)
    return {
      table,
      names: plan.table.columns.map(({ name }) => name),
      kinds: plan.columns.map(column => (column.protection === null ? kinds[column.source]! : 'text')),
      projection: new Projection(plan, protection),
      sink: new PlacingSink({ sink, placement: null, headers: null, protection })
    }
  }
}

/** Fields that must be there: those protected, and those that name their subject. */
function ruledFields({ columns }: OutboxMessageRule): string[] {
  const subjects = columns.protected.flatMap(({ protection }) => ('subject' in protection ? [protection.subject] : []))
  return [...columns.dropped, ...columns.protected.map(({ column }) => column), ...subjects]
}

/** The fields as columns of a table that is named like the prefix. */
function messageTable(prefix: string, names: readonly string[], kinds: readonly MessageFieldKind[]): Table {
  return {
    id: 0,
    schema: '',
    name: prefix,
    qualifiedName: prefix,
    columns: names.map((name, index) => ({
      name,
      key: false,
      type: {
        oid: kinds[index] === 'json' ? 114 : 25,
        name: kinds[index]!,
        kind: kinds[index]!,
        element: null,
        modifier: -1
      }
    })),
    keyColumns: [],
    replicaIdentity: 'full',
    version: 1
  }
}
