import { captureTerminal } from '../../capture/commands/testing/capture-terminal.ts'
import { runProgram } from '../../capture/commands/program.ts'
import type { Finding } from '../../capture/finding.ts'

export interface Checked {
  code: number
  errors: Finding[]
  /** Standard error; empty unless something is wrong with the program itself. */
  err: string
}

/** `tidemark check --json` of a configuration file, in this process. */
export async function checkFile(file: string): Promise<Checked> {
  const terminal = captureTerminal(undefined)
  const code = await runProgram(['check', '--json', '-c', file], { terminal, environment: {} })
  const { findings } = JSON.parse(terminal.written.out) as { findings: Finding[] }
  return { code, errors: findings.filter(({ severity }) => severity === 'error'), err: terminal.written.err }
}

/** A configuration without the marks `§` in it, and where each stood, as `line:column`. */
export function marked(text: string): { text: string; places: string[] } {
  const places = text
    .split('\n')
    .flatMap((line, index) => [...line.matchAll(/§/g)].map((mark, before) => `${index + 1}:${mark.index + 1 - before}`))
  return { text: text.replaceAll('§', ''), places }
}

/** `line:column` of what stands in the configuration file; a place elsewhere as it is. */
export function lineOf(place: string): string {
  return place.replace(/^.*\/tidemark\.yaml:/, '')
}
