import { spawn } from 'node:child_process'
import { addCounts, emptyCounts, type TestCounts } from './counts.ts'

/** What a stage came to; counts only where tests ran. */
export interface StageResult {
  ok: boolean
  counts?: TestCounts
}

export interface Stage {
  name: string
  run(): Promise<StageResult>
}

export interface StageReport extends StageResult {
  name: string
  ms: number
}

/** Runs stages one after the other, all of them even when one fails, until `ending`. */
export async function runStages(
  stages: Stage[],
  ending: AbortSignal,
  write: (text: string) => void
): Promise<StageReport[]> {
  const reports: StageReport[] = []
  for (const stage of stages) {
    if (ending.aborted) break
    write(`\n── ${stage.name} ──\n`)
    const begun = performance.now()
    const result = await stage.run().catch((error: unknown) => failed(error, write))
    reports.push({ name: stage.name, ms: performance.now() - begun, ...result })
  }
  return reports
}

/** The closing summary: every stage with its time, then the counts of all tests on a line of their own. */
export function summaryOf(reports: StageReport[]): string {
  const lines = reports.map(
    ({ name, ok, ms }) => `${ok ? 'ok  ' : 'FAIL'} ${name.padEnd(24)} ${(ms / 1000).toFixed(1).padStart(7)} s`
  )
  const total = reports.flatMap(({ counts }) => (counts ? [counts] : [])).reduce(addCounts, emptyCounts())
  const skipped = total.skipped + total.todo
  // A stage that fails without a failing test (a tool, a server that does not start) counts as one.
  const broken = reports.filter(
    ({ ok, counts }) => !ok && (counts?.failed ?? 0) + (counts?.cancelled ?? 0) === 0
  ).length
  const counts = `${total.passed} passed, ${total.failed + total.cancelled + broken} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
  return `\n── summary ──\n${lines.join('\n')}\n${total.tests + broken > 0 ? `\n${counts}\n` : ''}`
}

/** A stage that runs one tool and shows its output. */
export function toolStage(name: string, file: string, args: string[], cwd: string): Stage {
  return {
    name,
    run: () =>
      new Promise((done, fail) => {
        const tool = spawn(file, args, { cwd, stdio: ['ignore', 'inherit', 'inherit'] })
        tool.once('error', fail)
        tool.once('exit', code => done({ ok: code === 0 }))
      })
  }
}

function failed(error: unknown, write: (text: string) => void): StageResult {
  write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
  return { ok: false }
}
