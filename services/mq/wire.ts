// What shim.c sends and expects, integers little-endian. Request: length of what follows, operation (a letter), eight
// arguments, MQMD version 2 (364 bytes), payload. Answer: length of what follows, completion code, reason, six results,
// MQMD, payload (results[2] bytes of properties, then the body).

export const argumentCount = 8
export const resultCount = 6
export const descriptorBytes = 364
const requestHead = 8 + argumentCount * 4 + descriptorBytes
const answerHead = 12 + resultCount * 4 + descriptorBytes

export interface Request {
  operation: string
  arguments: number[]
  /** A copy. */
  descriptor: Buffer
  /** A copy. */
  payload: Buffer
}

export interface Answer {
  /** 0 done, 1 with a warning, 2 failed. */
  completion: number
  reason: number
  results?: readonly number[]
  descriptor?: Buffer
  payload?: readonly Buffer[]
}

export const done: Answer = { completion: 0, reason: 0 }

export function failed(reason: number): Answer {
  return { completion: 2, reason }
}

/** Splits a socket's bytes into requests. */
export class RequestReader {
  private held: Buffer = Buffer.alloc(0)

  take(chunk: Buffer): Request[] {
    const requests: Request[] = []
    this.held = this.held.length === 0 ? chunk : Buffer.concat([this.held, chunk])
    while (this.held.length >= 4 && this.held.length >= 4 + this.held.readInt32LE(0)) {
      const end = 4 + this.held.readInt32LE(0)
      const whole = this.held.subarray(0, end)
      this.held = this.held.subarray(end)
      requests.push(requestOf(whole))
    }
    return requests
  }
}

function requestOf(bytes: Buffer): Request {
  const numbers: number[] = []
  for (let index = 0; index < argumentCount; index++) numbers.push(bytes.readInt32LE(8 + index * 4))
  return {
    operation: String.fromCharCode(bytes.readInt32LE(4)),
    arguments: numbers,
    descriptor: Buffer.from(bytes.subarray(requestHead - descriptorBytes, requestHead)),
    payload: Buffer.from(bytes.subarray(requestHead))
  }
}

export function answerBytes(answer: Answer): Buffer {
  const payload = answer.payload ?? []
  const length = payload.reduce((sum, part) => sum + part.length, 0)
  const head = Buffer.alloc(answerHead)
  head.writeInt32LE(answerHead - 4 + length, 0)
  head.writeInt32LE(answer.completion, 4)
  head.writeInt32LE(answer.reason, 8)
  answer.results?.forEach((value, index) => head.writeInt32LE(value, 12 + index * 4))
  answer.descriptor?.copy(head, answerHead - descriptorBytes)
  return Buffer.concat([head, ...payload])
}
