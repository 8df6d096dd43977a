import { isTidemarkError, TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { readSubscription, type Environment } from '../config/configuration-file.ts'
import type { Configuration, MqSubscription, SubscriptionConfiguration } from '../config/configuration.ts'
import { secretsOf, withoutSecrets } from '../config/redaction.ts'
import { openLog, type Log, type LogFormat, type LogLevel } from '../log.ts'
import { findingOf, hasErrors, type Finding } from '../finding.ts'
import { findingsText, styleOf, type Style } from './presentation.ts'
import type { Terminal } from './terminal.ts'

/** 0 done, 1 findings or failure, 2 wrong use. */
export type ExitCode = 0 | 1 | 2

/** Options as commander gives them: those every verb has, and the verb's own. */
export interface CommandOptions {
  config: string
  json?: boolean
  color: boolean
  debug?: boolean
  yes?: boolean
  logFormat?: LogFormat
  logLevel?: LogLevel
  readonly [name: string]: unknown
}

/** The process as commands see it. */
export interface Surroundings {
  terminal: Terminal
  environment: Environment
}

/** One call of a verb: its options, its arguments, and the ways to answer. */
export class Invocation {
  readonly verb: string
  readonly options: CommandOptions
  readonly arguments: readonly string[]
  readonly terminal: Terminal
  readonly style: Style
  private readonly environment: Environment
  private secrets: readonly string[] = []

  constructor(verb: string, options: CommandOptions, args: readonly string[], { terminal, environment }: Surroundings) {
    this.verb = verb
    this.options = options
    this.arguments = args
    this.terminal = terminal
    this.environment = environment
    this.style = styleOf(terminal.color && options.color)
  }

  get json(): boolean {
    return this.options.json ?? false
  }

  /** The configuration of a subscription to tables, or null after its faults have been told. */
  configuration(): Configuration | null {
    const configuration = this.subscription()
    if (configuration === null || configuration.mq === undefined) return configuration
    const message = `\`tidemark ${this.verb}\` is not available for subscriptions to queues in this version`
    this.fail([new TidemarkError('NOT_AVAILABLE', { message, cure: 'see docs/mq.md for what there is' })])
    return null
  }

  /** The configuration, whatever its source, or null after its faults have been told. */
  subscription(): Configuration | MqSubscription | null {
    return this.settings(readSubscription, secretsOf)
  }

  /** What `read` makes of the configuration file, or null after its faults have been told. */
  settings<T>(
    read: (file: string, environment: Environment) => { configuration: T } | { faults: readonly TidemarkError[] },
    secrets: (configuration: T) => readonly string[]
  ): T | null {
    const answer = read(this.options.config, this.environment)
    if ('faults' in answer) {
      this.fail(answer.faults)
      return null
    }
    this.secrets = secrets(answer.configuration)
    return answer.configuration
  }

  log(configuration: Pick<SubscriptionConfiguration, 'subscription'>): Log {
    const { logFormat, logLevel } = this.options
    return openLog({
      format: logFormat ?? (this.terminal.interactive ? 'console' : 'json'),
      level: logLevel ?? 'info',
      subscription: configuration.subscription,
      secrets: this.secrets,
      color: this.terminal.color && this.options.color,
      write: line => this.terminal.err(line)
    })
  }

  /** The verb's answer: `json` with --json, else `text`. Both are cleaned of secrets. */
  answer(json: object, text: string): void {
    this.terminal.out(this.clean(this.json ? `${JSON.stringify(json, null, 2)}\n` : text))
  }

  /** A part of an answer that comes bit by bit, as it is to be written. Cleaned of secrets. */
  stream(text: string): void {
    this.terminal.out(this.clean(text))
  }

  /** For people only: progress, and what is about to be asked. Nothing with --json. */
  say(text: string): void {
    if (!this.json) this.terminal.out(this.clean(`${text}\n`))
  }

  /** Answers with findings alone; returns the exit code they mean. */
  findings(findings: readonly Finding[], summary: string): ExitCode {
    const ok = !hasErrors(findings)
    this.answer({ ok, findings }, `${findingsText(findings, this.style)}${summary}\n`)
    return ok ? 0 : 1
  }

  /** Tells errors that ended the verb: as JSON findings on standard output, else on standard error. */
  fail(errors: readonly unknown[]): ExitCode {
    if (this.json) this.answer({ ok: false, findings: errors.map(error => findingOf(error)) }, '')
    else for (const error of errors) this.terminal.err(this.clean(`${errorText(error)}\n`))
    if (this.options.debug) for (const error of errors) this.terminal.err(this.clean(`${stackText(error)}\n`))
    return errors.some(error => isTidemarkError(error, 'USAGE')) ? 2 : 1
  }

  /** Whether to go on with what changes things: --yes, or a person says so. Throws USAGE when nobody can be asked. */
  async confirmed(question: string): Promise<boolean> {
    if (this.options.yes) return true
    if (this.terminal.interactive && !this.json) return this.terminal.confirm(question)
    throw new TidemarkError('USAGE', {
      message: `tidemark ${this.verb} changes things and nobody can be asked`,
      cure: `look at \`tidemark plan\`, then add --yes`
    })
  }

  private clean(text: string): string {
    return withoutSecrets(text, this.secrets)
  }
}

function errorText(error: unknown): string {
  const { what } = findingOf(error)
  if (!isTidemarkError(error)) return `INTERNAL: ${what}\n  cure: report it with the output of --debug`
  return error.format().replace(error.message, () => what)
}

function stackText(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
