import { pathToFileURL } from 'node:url'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { unwatched, type CallWatch } from './call-watch.ts'
import type { Processor } from './processor.ts'
import type { ProducerRules } from './rules.ts'

const hooks = ['begin', 'commit', 'truncate', 'schema', 'refreshStart', 'refreshEnd'] as const

/** Loads the user processors the rules name, by file. Throws PROCESSOR_INVALID. */
export async function loadProcessors(
  rules: ProducerRules,
  calls: CallWatch = unwatched
): Promise<ReadonlyMap<string, Processor>> {
  const processors = new Map<string, Processor>()
  for (const { processor: file } of [...rules.tables, ...(rules.queues ?? [])]) {
    if (file === null || processors.has(file)) continue
    calls.enter(calls.label(`processor ${file}, being loaded,`))
    try {
      processors.set(file, await loadProcessor(file))
    } finally {
      calls.leave()
    }
  }
  return processors
}

/** The processor a file exports by default. `file` is an absolute path. Throws PROCESSOR_INVALID. */
export async function loadProcessor(file: string): Promise<Processor> {
  const exports = await importFile(file)
  const fault = processorFault(exports.default)
  if (fault === null) return exports.default as Processor
  throw new TidemarkError('PROCESSOR_INVALID', { message: `processor ${file} ${fault}`, place: file })
}

async function importFile(file: string): Promise<{ default?: unknown }> {
  try {
    return (await import(pathToFileURL(file).href)) as { default?: unknown }
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'it threw while loading'
    throw new TidemarkError('PROCESSOR_INVALID', {
      message: `processor ${file} cannot be loaded: ${reason}`,
      place: file,
      cause: error
    })
  }
}

function processorFault(value: unknown): string | null {
  if (typeof value !== 'object' || value === null) return 'has no default export made with defineProcessor'
  const processor = value as Record<string, unknown>
  if (typeof processor.name !== 'string' || processor.name === '') return 'has no name'
  if (typeof processor.process !== 'function') return 'has no function process(operation, out)'
  const wrong = hooks.find(hook => processor[hook] !== undefined && typeof processor[hook] !== 'function')
  if (wrong !== undefined) return `has a hook ${wrong} that is not a function`
  return asynchronousFault(processor) ?? misnamedFault(processor)
}

/** Found at the start rather than at the first operation. */
function asynchronousFault(processor: Readonly<Record<string, unknown>>): string | null {
  const slow = ['process', ...hooks].find(name => /^(Async|Generator)/.test(kindOfFunction(processor[name])))
  return slow === undefined ? null : `has ${slow} as an async or generator function, but processors are synchronous`
}

function kindOfFunction(value: unknown): string {
  return typeof value === 'function' ? value.constructor.name : ''
}

/** `onCommit` or `refreshstart` would never be called, and nobody would notice. */
function misnamedFault(processor: Readonly<Record<string, unknown>>): string | null {
  for (const name of Object.keys(processor)) {
    if (typeof processor[name] !== 'function' || name === 'process') continue
    const plain = name.toLowerCase().replaceAll(/^on|_/g, '')
    const meant = hooks.find(hook => hook !== name && hook.toLowerCase() === plain)
    if (meant !== undefined) return `has a function ${name}, which is never called: the hook is called ${meant}`
  }
  return null
}
