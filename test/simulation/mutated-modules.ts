import { registerHooks, type LoadFnOutput, type LoadHookContext, type ResolveFnOutput } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Mutation } from './mutation.ts'
import type * as oracle from './oracle.ts'
import type * as schedule from './schedule.ts'

/** The simulation on a copy of all modules of its own, in which a rule is missing. */
export type Simulation = Pick<typeof schedule, 'runSchedule'> & Pick<typeof oracle, 'judge'>

const root = pathToFileURL(`${join(import.meta.dirname, '..', '..')}/`).href
const parameter = 'mutation'
const active = new Map<string, Mutation>()
let hooked = false

/**
 * Loads the simulation and everything it imports from the repository anew, with the mutation's edits in the source.
 * Throws when an edit does not fit the source any more.
 */
export async function loadMutated(mutation: Mutation): Promise<Simulation> {
  if (!hooked) registerHooks({ resolve: resolveInCopy, load: loadEdited })
  hooked = true
  active.set(mutation.name, mutation)
  const query = `?${parameter}=${mutation.name}`
  const { runSchedule } = (await import(`./schedule.ts${query}`)) as typeof schedule
  const { judge } = (await import(`./oracle.ts${query}`)) as typeof oracle
  return { runSchedule, judge }
}

/** What a module of the copy imports from the repository is of the copy as well. */
function resolveInCopy(
  specifier: string,
  context: { parentURL?: string | undefined },
  next: (specifier: string) => ResolveFnOutput
): ResolveFnOutput {
  const resolved = next(specifier)
  const name = mutationOf(context.parentURL)
  const isOurs = resolved.url.startsWith(root) && !resolved.url.includes('/node_modules/')
  if (name === null || !isOurs || mutationOf(resolved.url) !== null) return resolved
  return { ...resolved, url: `${resolved.url}?${parameter}=${name}` }
}

function loadEdited(
  url: string,
  context: LoadHookContext,
  next: (url: string, context: LoadHookContext) => LoadFnOutput
): LoadFnOutput {
  const loaded = next(url, context)
  const mutation = active.get(mutationOf(url) ?? '')
  const edits = mutation?.edits.filter(({ file }) => new URL(file, root).pathname === new URL(url).pathname) ?? []
  if (edits.length === 0) return loaded
  let source = Buffer.from(loaded.source as Uint8Array).toString()
  for (const { file, from, to } of edits) {
    const parts = source.split(from)
    if (parts.length !== 2) {
      throw new Error(`mutation "${mutation!.name}": ${file} holds ${parts.length - 1} times, not once: ${from}`)
    }
    source = parts.join(to)
  }
  return { ...loaded, source }
}

function mutationOf(url: string | undefined): string | null {
  return url === undefined || !url.startsWith('file:') ? null : new URL(url).searchParams.get(parameter)
}
