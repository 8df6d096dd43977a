import { createInterface } from 'node:readline/promises'

/** Where a command answers, warns and asks. */
export interface Terminal {
  /** Standard output: the answer. */
  out(text: string): void
  /** Standard error: errors, logs, progress. */
  err(text: string): void
  /** Whether a person is there to be asked. */
  readonly interactive: boolean
  /** Whether standard output shows colours. */
  readonly color: boolean
  /** Asks a yes-or-no question; anything but y or yes is no. */
  confirm(question: string): Promise<boolean>
}

/** The terminal of a process. Colours as https://no-color.org has it. */
export function processTerminal(process: NodeJS.Process): Terminal {
  const { stdin, stdout, stderr, env } = process
  return {
    out: text => void stdout.write(text),
    err: text => void stderr.write(text),
    interactive: stdin.isTTY && stderr.isTTY,
    color: stdout.isTTY && !env['NO_COLOR'] && env['TERM'] !== 'dumb',
    confirm: question => confirm(question, stdin, stderr)
  }
}

async function confirm(
  question: string,
  input: NodeJS.ReadableStream,
  output: NodeJS.WritableStream
): Promise<boolean> {
  const lines = createInterface({ input, output })
  try {
    // Ctrl-D ends the input without an answer.
    const end = new Promise<string>(resolve => lines.once('close', () => resolve('')))
    const answer = await Promise.race([lines.question(`${question} [y/N] `), end])
    return /^y(es)?$/i.test(answer.trim())
  } finally {
    lines.close()
  }
}
