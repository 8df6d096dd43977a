const OPEN = 0x7b
const CLOSE = 0x7d
const QUOTE = 0x22
const BACKSLASH = 0x5c
const BRACKET_OPEN = 0x5b
const EQUALS = 0x3d

/** What `ArrayText.next` found. */
export const ARRAY_OPEN = 0
export const ARRAY_CLOSE = 1
export const ARRAY_VALUE = 2
export const ARRAY_NULL = 3
export const ARRAY_END = 4
export const ARRAY_MALFORMED = 5

/**
 * Walks the text form of an array (manual, "Array Input and Output Syntax"), braces and elements in order, delimiters
 * passed over. One object serves all values of a column; only elements with escapes are copied.
 */
export class ArrayText {
  /** The element last found: a range of `bytes`, escapes taken out. */
  bytes: Buffer = Buffer.alloc(0)
  from = 0
  to = 0
  /** Whether the literal names its lower bounds: `[0:1]={1,2}`. */
  hasBounds = false
  private source: Buffer = Buffer.alloc(0)
  private at = 0
  private end = 0
  private depth = 0
  private readonly delimiter: number

  /** `delimiter`: the byte between elements. */
  constructor(delimiter: number) {
    this.delimiter = delimiter
  }

  open(source: Buffer, start: number, end: number): void {
    this.source = source
    this.end = end
    this.depth = 0
    this.hasBounds = source[start] === BRACKET_OPEN
    this.at = start
    if (!this.hasBounds) return
    while (this.at < end && source[this.at] !== EQUALS) this.at++
    this.at++
  }

  next(): number {
    const { source, end, delimiter } = this
    if (this.at < end && source[this.at] === delimiter) this.at++
    if (this.at >= end) return this.depth === 0 ? ARRAY_END : ARRAY_MALFORMED
    const byte = source[this.at]!
    if (byte === OPEN) {
      this.depth++
      this.at++
      return ARRAY_OPEN
    }
    if (this.depth === 0) return ARRAY_MALFORMED
    if (byte === CLOSE) {
      this.depth--
      this.at++
      return ARRAY_CLOSE
    }
    return byte === QUOTE ? this.quoted() : this.bare()
  }

  private quoted(): number {
    const { source, end } = this
    let escapes = 0
    let at = this.at + 1
    for (; at < end && source[at] !== QUOTE; at++) {
      if (source[at] !== BACKSLASH) continue
      at++
      escapes++
    }
    if (at >= end) return ARRAY_MALFORMED
    this.bytes = source
    this.from = this.at + 1
    this.to = at
    this.at = at + 1
    if (escapes > 0) this.unescape(escapes)
    return ARRAY_VALUE
  }

  private unescape(escapes: number): void {
    const text = Buffer.allocUnsafe(this.to - this.from - escapes)
    let length = 0
    for (let at = this.from; at < this.to; at++) {
      if (this.source[at] === BACKSLASH) at++
      text[length++] = this.source[at]!
    }
    this.bytes = text
    this.from = 0
    this.to = length
  }

  private bare(): number {
    const { source, end, delimiter } = this
    const start = this.at
    while (this.at < end && source[this.at] !== delimiter && source[this.at] !== CLOSE) this.at++
    this.bytes = source
    this.from = start
    this.to = this.at
    return isNull(source, start, this.at) ? ARRAY_NULL : ARRAY_VALUE
  }
}

/** An unquoted NULL, which the server always writes so. */
function isNull(source: Buffer, start: number, end: number): boolean {
  return (
    end - start === 4 &&
    source[start] === 0x4e &&
    source[start + 1] === 0x55 &&
    source[start + 2] === 0x4c &&
    source[start + 3] === 0x4c
  )
}
