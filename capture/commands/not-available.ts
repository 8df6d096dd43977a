import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { ExitCode, Invocation } from './invocation.ts'

/** A verb whose name is settled and whose work is not built: wrong use, for this version. */
export async function notAvailable(invocation: Invocation): Promise<ExitCode> {
  const message = `\`tidemark ${invocation.verb}\` is not available in this version`
  const cure = 'use another verb, or a version of Tidemark that has it'
  invocation.fail([new TidemarkError('NOT_AVAILABLE', { message, cure })])
  return 2
}
