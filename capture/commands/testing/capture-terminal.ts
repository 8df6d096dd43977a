import type { Terminal } from '../terminal.ts'

export interface CapturedTerminal extends Terminal {
  readonly written: { out: string; err: string }
  /** Questions asked, in order. */
  readonly questions: string[]
}

/** A terminal that keeps what is written. With `answer` a person is there, who gives it to every question. */
export function captureTerminal(answer?: boolean): CapturedTerminal {
  const written = { out: '', err: '' }
  const questions: string[] = []
  return {
    written,
    questions,
    interactive: answer !== undefined,
    color: false,
    out: text => void (written.out += text),
    err: text => void (written.err += text),
    confirm: async question => {
      questions.push(question)
      return answer ?? false
    }
  }
}
