import type { Operation } from '@tidemark/schemas/operation.ts'
import type { BuiltInProcessor, SinkOutput } from '../processor.ts'
import type { AnnotatedSink, OutputName } from '../record-sink.ts'

/** An output that tells the sink its name, for those who show records (`tidemark preview`, tests). */
export class NamedOutput implements BuiltInProcessor {
  readonly name = 'named'
  private readonly output: OutputName
  private readonly inner: Pick<BuiltInProcessor, 'process'>
  private readonly writesAs: (output: OutputName | null) => void

  constructor(
    output: OutputName,
    inner: Pick<BuiltInProcessor, 'process'>,
    writesAs: (output: OutputName | null) => void
  ) {
    this.output = output
    this.inner = inner
    this.writesAs = writesAs
  }

  process(operation: Operation, out: SinkOutput): void {
    this.writesAs(this.output)
    this.inner.process(operation, out)
    this.writesAs(null)
  }
}

/** The same output with its name told, where the sink asks for it. */
export function named<Output extends Pick<BuiltInProcessor, 'process'>>(
  output: OutputName,
  inner: Output,
  sink: AnnotatedSink
): Output | NamedOutput {
  if (sink.writesAs === undefined) return inner
  return new NamedOutput(output, inner, name => sink.writesAs!(name))
}
