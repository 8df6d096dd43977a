import type { Operation } from '@tidemark/schemas/operation.ts'
import type { Table } from '@tidemark/schemas/table.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { jsonTypeOf } from '../formats/json-type.ts'
import { RepeatedNotice, type Notify } from '../notice.ts'
import type { BuiltInProcessor, SinkOutput } from '../processor.ts'
import type { RecordSink } from '../record-sink.ts'
import type { OutboxTableRule } from '../rules.ts'
import { EventWriter } from './event-writer.ts'
import { outboxFields, type OutboxFields } from './outbox-fields.ts'

/** An outbox table: inserts are events, deletes and truncates are housekeeping, updates are against the convention. */
export class OutboxTableProcessor implements BuiltInProcessor {
  readonly name = 'outbox'
  private readonly rule: OutboxTableRule
  private readonly fields: OutboxFields
  private readonly events: EventWriter
  private readonly updated: RepeatedNotice

  /** For one version of the table. Throws COLUMN_UNKNOWN, CONFIG_INVALID. */
  constructor(table: Table, rule: OutboxTableRule, sink: RecordSink, notify: Notify) {
    this.rule = rule
    this.fields = tableFields(table, rule)
    this.events = new EventWriter(rule, sink, table.qualifiedName, notify)
    const level = rule.onUpdate === 'error' ? 'error' : 'warn'
    this.updated = new RepeatedNotice(notify, level, `${updateMessage(table.qualifiedName)}; the update is left out`)
  }

  process(operation: Operation, out: SinkOutput): void {
    if (operation.kind === 'insert') this.events.write(operation.newTuple!, this.fields, out.sink)
    else if (operation.kind === 'update') this.update()
  }

  private update(): void {
    if (this.rule.onUpdate !== 'fatal') {
      this.updated.happened()
      return
    }
    throw new TidemarkError('ROW_UNSUITABLE', {
      message: updateMessage(this.rule.qualifiedName),
      cure: 'insert a further event instead, or set `onUpdate: warn`'
    })
  }
}

function tableFields(table: Table, rule: OutboxTableRule): OutboxFields {
  const names = table.columns.map(column => column.name)
  const types = table.columns.map(column => jsonTypeOf(column.type))
  return outboxFields(rule, { names, types, payloadIsJson: false }, name => {
    throw new TidemarkError('COLUMN_UNKNOWN', {
      message: `outbox table ${table.qualifiedName} has no column ${name}`,
      cure: `name the right column in the outbox options; the table has: ${names.join(', ')}`
    })
  })
}

function updateMessage(table: string): string {
  return `a row of outbox table ${table} was updated, but an event is written once`
}
