import { runProgram } from './commands/program.ts'
import { processTerminal } from './commands/terminal.ts'
import { keepObjectsYoung } from './young-objects.ts'

/** The program `tidemark`, as capture/bin/tidemark.mjs starts it. */
export async function main(): Promise<void> {
  endWithLauncher()
  keepObjectsYoung()
  process.exitCode = await runProgram(process.argv.slice(2), {
    terminal: processTerminal(process),
    environment: process.env
  })
}

/** Where an older Node started this one, its end (kill -9 included) is this one's end. */
export function endWithLauncher(): void {
  if (process.env['TIDEMARK_LAUNCHER'] === undefined || process.channel === undefined) return
  process.once('disconnect', () => process.exit(1))
  process.channel?.unref()
}

if (import.meta.main) await main()
