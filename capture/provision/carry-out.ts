import { lsnToBytes } from '@tidemark/schemas/position.ts'
import type { Configuration } from '../config/configuration.ts'
import { writeGenesis } from '../ownership/genesis.ts'
import type { OpenWriter } from '../postgres/inspection.ts'
import { applyPublication } from '../postgres/publication.ts'
import { createSlot, dropSlot, type CreatedSlot } from '../postgres/slot.ts'
import type { Connections } from '../preflight/connections.ts'
import { writerText } from '../preflight/server-findings.ts'
import type { SourceIdentity } from '../source.ts'
import type { CapturedLookups } from '../lookups/captured-lookups.ts'
import { capturedLookups, sessionOpener } from '../subscription.ts'
import { systemSourceClock, systemSurroundings } from '../system-surroundings.ts'
import { copyPresentRows } from './copy-present-rows.ts'
import { stepText, type Step } from './plan.ts'

export interface CarryOutOptions {
  configuration: Configuration
  connections: Connections
  steps: readonly Step[]
  identity: SourceIdentity
  /** Aborted: what is under way is given up; a slot without a commit stream is dropped again. */
  signal: AbortSignal
  /** Progress for people, a line at a time. */
  say: (line: string) => void
}

/** Does the steps in order. Rejects with the first error; what was done stays, and the next call goes on from there. */
export async function carryOut(options: CarryOutOptions): Promise<void> {
  const { steps, connections, signal, say } = options
  for (const step of steps) {
    signal.throwIfAborted()
    if (step.kind === 'publication') {
      say(stepText(step).what)
      await applyPublication(connections.sql, connections.session, step.statements)
    } else if (step.kind === 'topic') {
      say(stepText(step).what)
      await connections.admin.createTopics([step.topic])
    } else if (step.kind === 'slot') {
      await begin(options, step)
    }
  }
}

/** Slot, genesis and first copy belong together: the copy reads the snapshot that only this slot's session exports. */
async function begin(options: CarryOutOptions, step: Step & { kind: 'slot' }): Promise<void> {
  const { configuration, connections, steps, signal, say } = options
  say(stepText(step).what)
  if (step.replace) await dropSlot(connections.sql, step.name)
  const slot = await createSlot({
    session: connections.session,
    sql: connections.sql,
    clock: systemSourceClock,
    slot: step.name,
    signal,
    onWaiting: waitingTold(say)
  })
  const captured = capturedLookups(configuration)
  try {
    const genesis = steps.find(step => step.kind === 'genesis')
    if (genesis !== undefined) {
      say(stepText(genesis).what)
      await genesisOrNoSlot(options, slot, captured)
    }
    const copy = steps.find(step => step.kind === 'copy')
    if (copy === undefined) return
    say(stepText(copy).what)
    const { identity } = options
    await copyPresentRows({ configuration, connections, slot, identity, captured, tables: copy.tables, signal, say })
  } finally {
    await captured?.close()
    await slot.release()
  }
}

/** A slot that no commit stream names would stop the next apply: nobody could tell whose it is. */
async function genesisOrNoSlot(
  options: CarryOutOptions,
  slot: CreatedSlot,
  captured: CapturedLookups | null
): Promise<void> {
  const { configuration, connections, steps, identity, signal } = options
  try {
    const extensions = await captured?.ofSnapshot(slot.snapshot).claim()
    await writeGenesis({
      ...(extensions === undefined ? {} : { extensions }),
      subscription: configuration.subscription,
      log: connections.commitStream,
      openSession: sessionOpener(connections.cluster),
      signal,
      now: () => systemSurroundings.now(),
      randomBytes: length => systemSurroundings.randomBytes(length),
      system: identity.system,
      position: lsnToBytes(slot.consistentPoint),
      refresh: steps.some(step => step.kind === 'copy')
    })
  } catch (error) {
    await slot.release()
    await dropSlot(connections.sql, configuration.postgres.slot).catch(() => {})
    throw error
  }
}

/** Says whom the server waits for, once for each. */
export function waitingTold(say: (line: string) => void): (writers: readonly OpenWriter[]) => void {
  const told = new Set<string>()
  return writers => {
    for (const writer of writers) {
      const text = writerText(writer)
      if (!told.has(text)) say(`  waiting for ${text} to end`)
      told.add(text)
    }
  }
}
