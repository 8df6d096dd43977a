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
  return wrong === undefined ? null : `has a hook ${wrong} that is not a function`
}
