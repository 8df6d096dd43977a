// npm test [-- options] [files]: see usage below.
import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { endWithLauncher } from '../services/launcher.ts'
import { startStack } from '../services/stack.ts'
import { endingOf } from './runner/ending.ts'
import { runTestFiles } from './runner/node-tests.ts'
import { runStages, summaryOf, toolStage, type Stage, type StageResult } from './runner/stages.ts'
import { sortTestFiles } from './runner/test-files.ts'
import { readSourceTree } from './tidy/source-tree.ts'

const usage = `npm test                          everything: static, unit, integration
npm test -- --only static         prettier, tsc, oxlint, tidy  (or unit, integration; several by comma)
npm test -- kafka/crc.test.ts     these files alone, with servers when they need them
npm test -- --name 'merges'       only tests whose name matches
npm test -- --list                what would run

PostgreSQL and Kafka are started for the run, unless TIDEMARK_POSTGRES_URL and TIDEMARK_KAFKA_BROKERS name others.
`
const root = join(import.meta.dirname, '..')
const groups = ['static', 'unit', 'integration']
/** For one test file. */
const unitTimeoutMs = 120_000
const integrationTimeoutMs = 600_000
/** A run that hangs ends by itself, with the names of what was running. */
const runTimeoutMs = 25 * 60_000

interface RunLimits {
  /** Only tests whose name matches. */
  namePattern: string | undefined
  /** Ends the run early. */
  signal: AbortSignal
}

process.exitCode = await main()

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      only: { type: 'string' },
      name: { type: 'string' },
      list: { type: 'boolean' },
      help: { type: 'boolean' }
    }
  })
  const only = values.only?.split(',') ?? groups
  const missing = positionals.filter(path => !existsSync(resolve(root, path)))
  const wrong = [...only.filter(group => !groups.includes(group)), ...missing]
  if (wrong.length > 0) return refuse(`there is no ${wrong.join(', ')}`)
  if (values.help) {
    write(usage)
    return 0
  }
  endWithLauncher()
  const files = chosenFiles(positionals)
  if (values.list) return list(files)
  const chosen = files.unit.length + files.integration.length
  if (chosen === 0) return refuse(`no test file in ${positionals.join(', ')}`)
  const ending = endingOf(process, runTimeoutMs)
  const stages = stagesOf(positionals.length > 0 ? ['unit', 'integration'] : only, files, {
    namePattern: values.name,
    signal: ending
  })
  const reports = await runStages(stages, ending, write)
  write(summaryOf(reports))
  return reports.every(({ ok }) => ok) && !ending.aborted ? 0 : 1
}

function refuse(message: string): number {
  process.stderr.write(`${message}\n\n${usage}`)
  return 2
}

/** The test files asked for, by file or by folder; all when none is named. */
function chosenFiles(paths: string[]): ReturnType<typeof sortTestFiles> {
  const wanted = paths.map(path => relative(root, resolve(root, path)))
  const isWanted = (file: string): boolean =>
    wanted.length === 0 || wanted.some(path => file === path || file.startsWith(`${path}/`))
  const { unit, integration } = sortTestFiles(readSourceTree(root))
  return { unit: unit.filter(isWanted), integration: integration.filter(isWanted) }
}

function stagesOf(names: string[], files: ReturnType<typeof sortTestFiles>, limits: RunLimits): Stage[] {
  const bin = (name: string): string => join(root, 'node_modules', '.bin', name)
  const tidy = (path: string): boolean => path === 'test/tidy.test.ts'
  const wanted = {
    static: [
      toolStage('static: prettier', bin('prettier'), ['--check', '--log-level', 'warn', '.'], root),
      toolStage('static: tsc', bin('tsc'), ['-p', '.'], root),
      toolStage('static: oxlint', bin('oxlint'), ['--type-aware', '--quiet'], root),
      ...testStages('static: tidy', ['test/tidy.test.ts'], { ...limits, namePattern: undefined })
    ],
    // The tidy test belongs to the static stage, unless that is left out.
    unit: testStages(
      'unit',
      files.unit.filter(path => !tidy(path) || !names.includes('static')),
      limits
    ),
    integration: files.integration.length > 0 ? [integrationStage(files.integration, limits)] : []
  }
  return names.flatMap(name => wanted[name as keyof typeof wanted])
}

function testStages(name: string, files: string[], limits: RunLimits): Stage[] {
  return files.length > 0 ? [{ name, run: () => runFiles(files, limits, unitTimeoutMs) }] : []
}

function integrationStage(files: string[], limits: RunLimits): Stage {
  return {
    name: 'integration',
    run: async () => {
      const stack = await startStack({ durable: false, say: line => write(`${line}\n`) })
      process.env['TIDEMARK_POSTGRES_URL'] = stack.postgresUrl
      process.env['TIDEMARK_KAFKA_BROKERS'] = stack.brokers.join(',')
      try {
        return await runFiles(files, limits, integrationTimeoutMs)
      } finally {
        await stack.stop()
      }
    }
  }
}

async function runFiles(files: string[], limits: RunLimits, timeoutMs: number): Promise<StageResult> {
  const concurrency = Math.max(2, Math.min(4, availableParallelism()))
  const counts = await runTestFiles({ root, files, concurrency, timeoutMs, ...limits, write })
  return { ok: counts.failed + counts.cancelled === 0, counts }
}

function list(files: ReturnType<typeof sortTestFiles>): number {
  for (const group of ['unit', 'integration'] as const)
    write(`${group}\n${files[group].map(path => `  ${path}\n`).join('')}`)
  return 0
}

function write(text: string): void {
  process.stdout.write(text)
}
