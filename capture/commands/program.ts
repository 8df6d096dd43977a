import { readFileSync } from 'node:fs'
import { Argument, Command, CommanderError, Option } from 'commander'
import { logLevels } from '../log.ts'
import { Invocation, type CommandOptions, type ExitCode, type Surroundings } from './invocation.ts'
import { verbs, type Verb } from './verbs.ts'

/** What a program is called, says of itself, and can do. */
export interface ProgramDescription {
  name: string
  description: string
  /** Without -c. */
  configurationFile: string
  verbs: readonly Verb[]
}

const tidemark: ProgramDescription = {
  name: 'tidemark',
  description: 'Captures committed transactions of PostgreSQL and carries them through Kafka whole.',
  configurationFile: 'tidemark.yaml',
  verbs
}

/** Carries out one command line (without `node` and the script) and returns its exit code. Throws nothing. */
export async function runProgram(
  args: readonly string[],
  surroundings: Surroundings,
  description = tidemark
): Promise<ExitCode> {
  let code: ExitCode = 0
  const program = programOf(description, surroundings, async (verb, options, rest) => {
    code = await carryOut(verb, new Invocation(verb.name, options, rest, surroundings))
  })
  try {
    await program.parseAsync([...args], { from: 'user' })
    return code
  } catch (error) {
    return exitOf(error)
  }
}

type Action = (verb: Verb, options: CommandOptions, rest: readonly string[]) => Promise<void>

async function carryOut(verb: Verb, invocation: Invocation): Promise<ExitCode> {
  try {
    return await verb.run(invocation)
  } catch (error) {
    return invocation.fail([error])
  }
}

/** commander ends by throwing: 0 for --help and --version, else wrong use, which it has explained already. */
function exitOf(error: unknown): ExitCode {
  if (!(error instanceof CommanderError)) throw error
  return error.exitCode === 0 ? 0 : 2
}

function programOf(
  { name, description, configurationFile, verbs: own }: ProgramDescription,
  { terminal }: Surroundings,
  action: Action
): Command {
  const program = new Command(name)
    .description(description)
    .version(version(), '-V, --version', 'show the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [verb]', 'show help of a verb')
    .configureOutput({ writeOut: text => terminal.out(text), writeErr: text => terminal.err(text) })
    .exitOverride()
    .addHelpText(
      'after',
      `\nStart with: ${name} check -c ${configurationFile}\nExit codes: 0 done, 1 findings or failure, 2 wrong use`
    )
  for (const verb of own) addVerb(program, verb, configurationFile, action)
  return program
}

function addVerb(program: Command, verb: Verb, configurationFile: string, action: Action): void {
  const command = program
    .command(verb.name)
    .summary(verb.summary)
    .description(verb.description)
    .option('-c, --config <file>', 'configuration file', configurationFile)
    .option('--json', 'answer in JSON, on standard output')
  for (const option of verb.options) command.addOption(optionOf(option))
  command
    .option('--no-color', 'no colours')
    .addOption(new Option('--log-format <format>', 'form of log lines').choices(['json', 'console']))
    .addOption(new Option('--log-level <level>', 'least level that is logged').choices([...logLevels]))
    .option('--debug', 'with errors, show where in the program they arose')
    .addHelpText('after', examplesText(verb))
    .action(async () => action(verb, command.opts<CommandOptions>(), command.args))
  if (verb.arguments === undefined) command.allowExcessArguments(false)
  else command.addArgument(new Argument(verb.arguments))
}

function optionOf({ flags, description, choices, byDefault }: Verb['options'][number]): Option {
  const option = new Option(flags, description)
  if (choices !== undefined) option.choices(choices)
  return byDefault === undefined ? option : option.default(byDefault)
}

function examplesText(verb: Verb): string {
  const width = Math.max(...verb.examples.map(([command]) => command.length))
  const lines = verb.examples.map(([command, comment]) => `  ${command.padEnd(width)}   # ${comment}`)
  return `\nExamples:\n${lines.join('\n')}`
}

function version(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}
