import type { NewTopic } from '@tidemark/kafka/admin.ts'
import type { Configuration } from '../config/configuration.ts'
import type { ClusterFacts } from '../preflight/cluster-facts.ts'
import type { DatabaseFacts } from '../preflight/database-facts.ts'
import { publicationWish } from '../preflight/publication-findings.ts'
import { planPublication } from '../postgres/publication.ts'
import { newTopics } from './new-topics.ts'

/** One thing to be made or changed. */
export type Step =
  /** `late`: the first copy is over, so present rows of a table added now are not copied. */
  | { kind: 'publication'; name: string; statements: readonly string[]; late: boolean }
  | { kind: 'topic'; topic: NewTopic }
  /** `replace`: an interrupted first copy left it, and its snapshot is gone. */
  | { kind: 'slot'; name: string; replace: boolean }
  | { kind: 'genesis'; topic: string }
  | { kind: 'copy'; tables: readonly string[] }

/**
 * What leads from what is there to what the configuration says, in the order in which it must be done: a publication made
 * after the slot does not heal it, and the copy reads the slot's own snapshot. Pure. Throws PUBLICATION_UNSUITABLE.
 */
export function planSteps(configuration: Configuration, database: DatabaseFacts, cluster: ClusterFacts): Step[] {
  const { publication, slot } = configuration.postgres
  const statements = planPublication(database.publication, publicationWish(publication, database.tables))
  const refresh = cluster.stream?.refresh ?? 'wanted'
  const late = refresh === 'none' && statements.some(sql => sql.includes(' ADD TABLE '))
  const steps: Step[] = statements.length === 0 ? [] : [{ kind: 'publication', name: publication, statements, late }]
  for (const topic of newTopics(configuration, cluster)) steps.push({ kind: 'topic', topic })
  if (refresh === 'none') return steps
  steps.push({ kind: 'slot', name: slot, replace: database.slot !== null })
  if (cluster.stream === null) steps.push({ kind: 'genesis', topic: configuration.commitStream })
  const tables = copiedTables(configuration)
  if (tables.length > 0 || cluster.stream !== null) steps.push({ kind: 'copy', tables })
  return steps
}

/** The tables whose present rows are copied, by `schema.name`. */
export function copiedTables(configuration: Configuration): string[] {
  return configuration.tables.filter(table => table.refresh).map(table => table.qualifiedName)
}

/** A step in words, and the SQL or settings behind it. */
export function stepText(step: Step): { what: string; detail: string } {
  switch (step.kind) {
    case 'publication':
      return { what: `set up publication ${step.name}`, detail: publicationText(step) }
    case 'topic':
      return { what: `create topic ${step.topic.name}`, detail: topicText(step.topic) }
    case 'slot':
      return {
        what: `${step.replace ? 'replace' : 'create'} replication slot ${step.name}`,
        detail: `${step.replace ? 'an interrupted first copy left it; ' : ''}the server waits for transactions that have written to end`
      }
    case 'genesis':
      return {
        what: `begin the commit stream ${step.topic}`,
        detail: "its first record: the subscription, and the slot's position"
      }
    case 'copy':
      return { what: 'copy the rows that are present', detail: step.tables.join(', ') }
  }
}

function publicationText({ statements, late }: Step & { kind: 'publication' }): string {
  const sql = statements.map(statement => `${statement};`).join('\n')
  return late ? `${sql}\n-- rows that are in an added table already are not copied` : sql
}

function topicText({ partitions, replication, configs }: NewTopic): string {
  const replicas = replication < 0 ? "the cluster's default replication" : `replication ${replication}`
  const settings = Object.entries(configs ?? {}).map(([name, value]) => `${name}=${value}`)
  return [`${partitions} partition${partitions === 1 ? '' : 's'}`, replicas, ...settings].join(', ')
}
