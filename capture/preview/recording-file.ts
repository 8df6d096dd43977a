import { closeSync, openSync, writeSync } from 'node:fs'
import { recordingBytesMax } from '@tidemark/kcop/display/operation-recorder.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'

/** A file that is being recorded into: for its owner alone, since it holds row values. */
export class RecordingFile {
  private readonly descriptor: number
  private bytes = 0

  /** Throws USAGE when it cannot be written, and when it is there already. */
  constructor(file: string) {
    try {
      this.descriptor = openSync(file, 'wx', 0o600)
    } catch (error) {
      throw new TidemarkError('USAGE', {
        message: `${file} cannot be recorded into`,
        cure: 'name a file that is not there yet, in a folder that is',
        cause: error
      })
    }
  }

  /** Throws USAGE above the size that can be read again. */
  write(line: string): void {
    const bytes = Buffer.from(line)
    this.bytes += bytes.length
    if (this.bytes > recordingBytesMax) {
      throw new TidemarkError('USAGE', {
        message: `the recording has grown to ${recordingBytesMax} bytes`,
        cure: 'record fewer rows or transactions, or fewer tables'
      })
    }
    writeSync(this.descriptor, bytes)
  }

  close(): void {
    closeSync(this.descriptor)
  }
}
