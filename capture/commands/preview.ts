import { OperationRecorder } from '@tidemark/kcop/display/operation-recorder.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { Operation } from '@tidemark/schemas/operation.ts'
import type { PositionBytes } from '@tidemark/schemas/position.ts'
import { publishedTables, type Configuration } from '../config/configuration.ts'
import { findingOf, hasErrors, type Finding } from '../finding.ts'
import { SqlSession } from '../postgres/sql-session.ts'
import { missingTable } from '../preflight/table-findings.ts'
import { previewLive } from '../preview/live-preview.ts'
import { collectingProducer, configuredProducer, type ConfiguredProducer } from '../preview/preview-producer.ts'
import { PreviewPrinter } from '../preview/preview-printer.ts'
import { PreviewReceiver } from '../preview/preview-receiver.ts'
import { previewPresent } from '../preview/present-preview.ts'
import { readableTables, type ReadableTable } from '../preview/present-rows.ts'
import { recordedValues } from '../preview/recorded-values.ts'
import { RecordingFile } from '../preview/recording-file.ts'
import { restrictedTopics } from '../preview/shown-record.ts'
import { waitingTold } from '../provision/carry-out.ts'
import { startProcessors } from '../running-processors.ts'
import type { CapturedLookups } from '../lookups/captured-lookups.ts'
import { capturedLookups } from '../subscription.ts'
import { systemSourceClock, systemSurroundings } from '../system-surroundings.ts'
import type { ExitCode, Invocation } from './invocation.ts'
import { findingsText } from './presentation.ts'
import { previewOptions, type PreviewOptions } from './preview-options.ts'
import { stopSignals } from './stop-signals.ts'

type Tables = ReadonlyMap<string, ReadableTable & { published: boolean }>

/** `tidemark preview`: the records that present rows or live changes would become. Writes nothing anywhere. */
export async function preview(invocation: Invocation): Promise<ExitCode> {
  const options = previewOptions(invocation)
  const configuration = invocation.subscription()
  if (configuration === null) return 1
  if (configuration.mq !== undefined) {
    return (await import('./queue-preview.ts')).previewQueues(invocation, configuration, options)
  }
  const chosen = chosenTables(configuration, invocation.arguments)
  const findings: Finding[] = []
  const sql = new SqlSession({
    url: configuration.postgres.url,
    applicationName: `tidemark ${configuration.subscription} preview`
  })
  const running = await startProcessors(configuration)
  const recording = openRecording(configuration, options.record)
  const captured = capturedLookups(configuration)
  try {
    const made = await configuredProducer(configuration, ({ message }) => invocation.say(`  ${message}`), running)
    const tables = await sql.do('reading the catalogue', client =>
      readableTables(client, configuration.postgres.publication, publishedTables(configuration))
    )
    if (options.rows > 0) await captured?.present(tables)
    const show = new Preview(invocation, configuration, made, chosen, recording?.recorder ?? null, captured)
    for (const name of chosen) {
      const readable = tables.get(name)
      if (readable === undefined) findings.push(missingTable({ ...nameOf(configuration, name) }, [...tables.keys()]))
      else if (options.rows > 0) findings.push(...(await show.present(sql, readable, options.rows)))
    }
    if (options.live !== null) findings.push(...(await show.live(tables, options.live)))
  } finally {
    recording?.close()
    await Promise.all([running.close(), captured?.close(), sql.close()])
  }
  const text = findingsText(findings, invocation.style)
  invocation.stream(
    invocation.json ? `${JSON.stringify({ type: 'done', ok: !hasErrors(findings), findings })}\n` : text
  )
  return hasErrors(findings) ? 1 : 0
}

function openRecording(configuration: Configuration, file: string | null) {
  if (file === null) return null
  const target = new RecordingFile(file)
  const values = recordedValues(configuration, Buffer.from(systemSurroundings.randomBytes(32)))
  return { recorder: new OperationRecorder(values, line => target.write(line)), close: () => target.close() }
}

/** Names of the tables to be shown. Throws USAGE for one that is not configured. */
function chosenTables(configuration: Configuration, names: readonly string[]): ReadonlySet<string> {
  const configured = publishedTables(configuration).map(({ qualifiedName }) => qualifiedName)
  const strange = names.find(name => !configured.includes(name))
  if (strange === undefined) return new Set(names.length === 0 ? configured : names)
  throw new TidemarkError('USAGE', {
    message: `table ${strange} is not in the configuration`,
    cure: `name one of: ${configured.join(', ')}`
  })
}

function nameOf(configuration: Configuration, name: string) {
  return publishedTables(configuration).find(({ qualifiedName }) => qualifiedName === name)!
}

/** One call of the command: what is shown, and how. */
class Preview {
  private readonly invocation: Invocation
  private readonly configuration: Configuration
  private readonly made: ConfiguredProducer
  private readonly chosen: ReadonlySet<string>
  private readonly recorder: OperationRecorder | null
  private readonly printer: PreviewPrinter
  /** Lookups in captured tables; null: there are none. */
  private readonly captured: CapturedLookups | null

  constructor(
    invocation: Invocation,
    configuration: Configuration,
    made: ConfiguredProducer,
    chosen: ReadonlySet<string>,
    recorder: OperationRecorder | null,
    captured: CapturedLookups | null
  ) {
    this.captured = captured
    this.invocation = invocation
    this.configuration = configuration
    this.made = made
    this.chosen = chosen
    this.recorder = recorder
    const { json, style } = invocation
    this.printer = new PreviewPrinter({ json, style, schemas: made.schemas, write: text => invocation.stream(text) })
  }

  /** What one table cannot show is no reason to show nothing of the others. */
  async present(sql: SqlSession, readable: ReadableTable, rows: number): Promise<Finding[]> {
    const findings: Finding[] = []
    const onFailed = (error: unknown) => void findings.push(findingOf(error))
    const { printer } = this
    const nowMicros = systemSurroundings.now() * 1000
    try {
      const receiver = this.receiver({ onFailed, onTransaction: () => {}, onPassed: () => {} })
      await previewPresent({ sql, readable, rows, printer, receiver, nowMicros })
    } catch (error) {
      onFailed(error)
    }
    return findings
  }

  /** Until a signal, the time or the number of transactions is up. */
  async live(tables: Tables, limits: NonNullable<PreviewOptions['live']>): Promise<Finding[]> {
    const { configuration, invocation } = this
    const published = [...this.chosen].filter(name => tables.get(name)?.published === true)
    if (published.length === 0) throw notPublished(configuration)
    const findings = unpublished(this.chosen, tables)
    const ending = new AbortController()
    const stop = stopSignals(process)
    const cancel = systemSourceClock.after(limits.seconds * 1000, () => ending.abort())
    let left = limits.transactions
    try {
      await previewLive({
        configuration,
        signal: AbortSignal.any([stop.signal, ending.signal]),
        prepare: async (slot, from) => this.captured?.loadFrom(slot, from, ending.signal),
        onWriters: waitingTold(line => invocation.say(line)),
        onReady: () => invocation.stream(this.readyText(limits.seconds)),
        receiverFor: connection =>
          this.receiver({
            onFailed: error => {
              findings.push(findingOf(error))
              ending.abort()
            },
            onTransaction: () => {
              if (--left === 0) ending.abort()
            },
            onPassed: position => connection.settle(position),
            isDone: () => ending.signal.aborted
          })
      })
    } finally {
      cancel()
      stop.forget()
    }
    return findings
  }

  private readyText(seconds: number): string {
    if (this.invocation.json) return `${JSON.stringify({ type: 'live' })}\n`
    return `live changes from here on, for ${seconds} s; Ctrl-C ends\n`
  }

  private receiver(calls: {
    onFailed(error: unknown): void
    onTransaction(position: PositionBytes): void
    onPassed(position: PositionBytes): void
    isDone?(): boolean
  }): PreviewReceiver {
    const { configuration, made, printer, recorder } = this
    const show = { schemas: made.schemas, restricted: restrictedTopics(configuration) }
    const files = new Map(configuration.tables.map(({ qualifiedName, processor }) => [qualifiedName, processor]))
    return new PreviewReceiver({
      ...collectingProducer(made, this.captured?.tables),
      show,
      printer,
      recorder,
      processorOf: ({ table }) => (table === null ? null : (files.get(table.qualifiedName) ?? null)),
      isWanted: operation => calls.isDone?.() !== true && this.isWanted(operation),
      ...calls
    })
  }

  private isWanted({ table, truncated, message }: Operation): boolean {
    if (table !== null) return this.chosen.has(table.qualifiedName)
    if (truncated.length > 0) return truncated.some(({ qualifiedName }) => this.chosen.has(qualifiedName))
    return this.configuration.outbox.messages.some(({ prefix }) => prefix === message?.prefix)
  }
}

function notPublished({ postgres }: Configuration): TidemarkError {
  return new TidemarkError('PUBLICATION_UNSUITABLE', {
    message: `live changes come by publication ${postgres.publication}, which is not there yet or has none of the tables`,
    cure: 'tidemark apply makes it; present rows can be previewed without'
  })
}

function unpublished(chosen: ReadonlySet<string>, tables: Tables): Finding[] {
  return [...chosen]
    .filter(name => tables.get(name)?.published === false)
    .map(name => ({
      code: 'PUBLICATION_UNSUITABLE',
      severity: 'warning',
      what: `table ${name} is not in the publication yet: its live changes were not shown`,
      place: name,
      remedy: 'tidemark apply'
    }))
}
