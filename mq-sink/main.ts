import { runProgram, type ProgramDescription } from '@tidemark/capture/commands/program.ts'
import { processTerminal } from '@tidemark/capture/commands/terminal.ts'
import { endWithLauncher } from '@tidemark/capture/main.ts'
import { keepObjectsYoung } from '@tidemark/capture/young-objects.ts'
import { sinkVerbs } from './verbs.ts'

const program: ProgramDescription = {
  name: 'tidemark-mq-sink',
  description: 'Puts whole transactions from Kafka to IBM MQ queues, each once.',
  configurationFile: 'sink.yaml',
  verbs: sinkVerbs
}

/** The program `tidemark-mq-sink`, as bin/tidemark-mq-sink.mjs starts it. */
export async function main(): Promise<void> {
  endWithLauncher()
  keepObjectsYoung()
  const surroundings = { terminal: processTerminal(process), environment: process.env }
  process.exitCode = await runProgram(process.argv.slice(2), surroundings, program)
}

if (import.meta.main) await main()
