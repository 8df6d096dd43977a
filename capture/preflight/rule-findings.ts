import { Catalog } from '@tidemark/kcop/catalog.ts'
import { Monitors } from '@tidemark/kcop/monitoring/monitors.ts'
import { ColumnProtections } from '@tidemark/kcop/protection/column-protections.ts'
import { loadKeys } from '@tidemark/kcop/protection/key-files.ts'
import type { AnnotatedSink } from '@tidemark/kcop/record-sink.ts'
import type { SchemaRegistry } from '@tidemark/kcop/registry/schema-registry.ts'
import { emptyLookups } from '../lookups/lookup-facts.ts'
import { loadLookups } from '@tidemark/kcop/enrichment/lookup-file.ts'
import { OutboxMessageProcessor } from '@tidemark/kcop/outbox/outbox-message.ts'
import type { OutboxContext } from '@tidemark/kcop/outbox/protected-outbox.ts'
import type { LookupTables } from '@tidemark/kcop/enrichment/lookup-table.ts'
import type { LookupTableRule, OutboxMessageRule, OutputRule } from '@tidemark/kcop/rules.ts'
import { subjectKeysTopic } from '@tidemark/schemas/subject-key.ts'
import { isTidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { Table } from '@tidemark/schemas/table.ts'
import type { Configuration } from '../config/configuration.ts'
import { producerRules } from '../config/producer-rules.ts'
import { findingOf, type Finding } from '../finding.ts'
import { formatsWith } from '../formats.ts'
import { systemSurroundings } from '../system-surroundings.ts'

/** Takes nothing: rules are compiled, no record is made. */
const nowhere: AnnotatedSink = { topic: name => ({ name }), append: () => {}, annotate: () => {} }
/** Registers nothing. */
const unregistered: Pick<SchemaRegistry, 'entry'> = {
  entry: (subject, schema) => ({ subject, schema, id: 0, ready: null })
}

/**
 * What the producer would refuse of its rules when it met the tables: unknown columns, keys protected at random,
 * conditions that do not fit, identities that do not suffice. At the place of the rule. Of the tables in `misnamed`
 * unknown columns were told. `definitions`: of all tables there are, which lookups read.
 */
export function ruleFindings(
  configuration: Configuration,
  tables: readonly Table[],
  misnamed: ReadonlySet<string>,
  definitions: readonly Table[] = tables
): Finding[] {
  return triedRules(configuration, tables, { schemas: unregistered, misnamed, definitions })
}

export interface RuleTrial {
  /** Told the schemas the rules would register. */
  schemas: Pick<SchemaRegistry, 'entry'>
  /** Tables of which unknown columns are not told. */
  misnamed?: ReadonlySet<string>
  /** Of tables that lookups read, besides those that are tried. */
  definitions?: readonly Table[]
  /** Told the output that is tried next. */
  onOutput?: (rule: OutputRule) => void
}

/** The same, as the trial says. */
export function triedRules(configuration: Configuration, tables: readonly Table[], trial: RuleTrial): Finding[] {
  const { misnamed = new Set(), onOutput, definitions = tables } = trial
  try {
    const keys = loadKeys(configuration.keys)
    const { now } = systemSurroundings
    const randomBytes = (length: number) => Buffer.from(systemSurroundings.randomBytes(length))
    const protections = new ColumnProtections({
      keys,
      now,
      randomBytes,
      subjects: { sink: nowhere, topic: subjectKeysTopic(configuration.topics.prefix) }
    })
    const rules = producerRules(configuration)
    const sound = soundLookups(configuration.tableLookups, definitions)
    const areSound = sound.size === configuration.tableLookups.length
    const catalog = new Catalog({
      rules,
      sink: nowhere,
      formats: formatsWith(configuration, trial.schemas),
      protections,
      lookups: new Map([...loadLookups(configuration.lookups), ...sound]),
      monitors: new Monitors(rules.monitors ?? [], nowhere),
      notify: () => {}
    })
    const context = { sink: nowhere, protections, notify: () => {} }
    return [
      ...rules.outbox.messages.flatMap(rule => messageFindings(rule, context)),
      ...tables.flatMap(table =>
        catalog
          .faults(table, onOutput)
          .filter(({ code }) => code !== 'COLUMN_UNKNOWN' || !misnamed.has(table.qualifiedName))
          .filter(({ code }) => code !== 'LOOKUP_INVALID' || areSound)
          .map(fault => findingOf(fault))
      )
    ]
  } catch (error) {
    if (!isTidemarkError(error)) throw error
    return [findingOf(error)]
  }
}

/** What is wrong with the others was told of their tables. */
function soundLookups(rules: readonly LookupTableRule[], definitions: readonly Table[]): LookupTables {
  return new Map(
    rules.flatMap(rule => {
      try {
        return [...emptyLookups([rule], definitions)]
      } catch (error) {
        if (!isTidemarkError(error)) throw error
        return []
      }
    })
  )
}

/** Logical messages have no definition: their rules are compiled as they stand. */
function messageFindings(rule: OutboxMessageRule, context: OutboxContext): Finding[] {
  try {
    void new OutboxMessageProcessor(rule, context)
    return []
  } catch (error) {
    if (!isTidemarkError(error)) throw error
    return [findingOf(error)]
  }
}
