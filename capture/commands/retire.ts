import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { Configuration } from '../config/configuration.ts'
import { openConnections, type Connections } from '../preflight/connections.ts'
import { inspectPublication, type PublicationFacts } from '../postgres/inspection.ts'
import { applyPublication, dropPublicationSql } from '../postgres/publication.ts'
import { dropSlot } from '../postgres/slot.ts'
import { readSlot, type SlotState } from '../postgres/slot-state.ts'
import type { ExitCode, Invocation } from './invocation.ts'
import { bytesText } from './presentation.ts'

interface Remains {
  slot: SlotState | null
  publication: PublicationFacts | null
}

/** `tidemark retire`: drops slot and publication, after saying what is lost by it. */
export async function retire(invocation: Invocation): Promise<ExitCode> {
  const configuration = invocation.subscription()
  if (configuration === null) return 1
  if (configuration.mq !== undefined) return (await import('./queue-retire.ts')).retireQueues(invocation, configuration)
  const connections = openConnections(configuration)
  try {
    const remains = await readRemains(configuration, connections)
    if (remains.slot === null && remains.publication === null) {
      invocation.answer(
        { ok: true, dropped: [], findings: [] },
        'nothing to retire: neither slot nor publication exists\n'
      )
      return 0
    }
    refuseForeign(remains.slot, configuration)
    invocation.say(lossText(remains, configuration))
    if (invocation.options.yes !== true) throw notAllowed()
    const dropped = await drop(configuration, connections, remains)
    invocation.answer({ ok: true, dropped, findings: [] }, `dropped ${dropped.join(' and ')}\n`)
    return 0
  } finally {
    await connections.close()
  }
}

function readRemains({ postgres }: Configuration, { sql }: Connections): Promise<Remains> {
  return sql.do('looking at slot and publication', async client => ({
    slot: await readSlot(client, postgres.slot),
    publication: await inspectPublication(client, postgres.publication)
  }))
}

/** Throws SLOT_IN_USE, SLOT_UNSUITABLE. */
function refuseForeign(slot: SlotState | null, { postgres }: Configuration): void {
  if (slot === null) return
  if (slot.activePid !== null) {
    throw new TidemarkError('SLOT_IN_USE', {
      message: `replication slot ${slot.name} is held by pid ${slot.activePid}: an agent runs`,
      cure: 'stop the agent first'
    })
  }
  const database = decodeURIComponent(new URL(postgres.url).pathname.slice(1))
  if (slot.plugin === 'pgoutput' && slot.database === database) return
  throw new TidemarkError('SLOT_UNSUITABLE', {
    message: `replication slot ${slot.name} is ${slot.plugin || 'physical'} of database ${slot.database || '(none)'}: it is not this subscription's`
  })
}

function lossText({ slot, publication }: Remains, configuration: Configuration): string {
  const lines = [`Retiring ${configuration.subscription} drops`]
  if (slot !== null) {
    const unread = slot.lagBytes === null ? '' : ` (${bytesText(Number(slot.lagBytes))} of WAL were not confirmed yet)`
    lines.push(
      `  replication slot ${slot.name}: changes not captured so far, and all later ones, are lost to it${unread}`
    )
  }
  if (publication !== null) lines.push(`  publication ${publication.name}`)
  lines.push(
    'Topics and their records stay. To capture again, `tidemark apply` needs another `commitStream` (or this one deleted)',
    'and begins with a new first copy.'
  )
  return lines.join('\n')
}

function notAllowed(): TidemarkError {
  return new TidemarkError('USAGE', {
    message: 'what is lost by retiring cannot be had back',
    cure: 'add --yes to do it'
  })
}

/** The slot first: it is what holds WAL. */
async function drop({ postgres }: Configuration, { sql, session }: Connections, remains: Remains): Promise<string[]> {
  const dropped: string[] = []
  if (remains.slot !== null && (await dropSlot(sql, postgres.slot))) dropped.push(`replication slot ${postgres.slot}`)
  if (remains.publication !== null) {
    await applyPublication(sql, session, [dropPublicationSql(postgres.publication)])
    dropped.push(`publication ${postgres.publication}`)
  }
  return dropped
}
