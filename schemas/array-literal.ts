export type ArrayElement<T> = T | null | ArrayElement<T>[]

/**
 * Reads PostgreSQL's text form of an array (manual, "Array Input and Output Syntax"): `{1,NULL,"a\"b"}`, nested for more
 * dimensions. `element` makes a value of an element's text. Returns null for a literal with explicit lower bounds
 * (`[0:1]={..}`), which a plain array cannot tell. Throws SyntaxError on anything else.
 */
export function parseArrayLiteral<T>(
  text: string,
  delimiter: string,
  element: (text: string) => T
): ArrayElement<T>[] | null {
  if (text.startsWith('[')) return null
  const reader = new ArrayReader(text, delimiter, element)
  return reader.whole()
}

class ArrayReader<T> {
  private at = 0
  private readonly text: string
  private readonly delimiter: string
  private readonly element: (text: string) => T

  constructor(text: string, delimiter: string, element: (text: string) => T) {
    this.text = text
    this.delimiter = delimiter
    this.element = element
  }

  whole(): ArrayElement<T>[] {
    const elements = this.array()
    if (this.at !== this.text.length) throw new SyntaxError('text after the end of an array literal')
    return elements
  }

  private array(): ArrayElement<T>[] {
    this.expect('{')
    const elements: ArrayElement<T>[] = []
    if (this.text[this.at] === '}') {
      this.at++
      return elements
    }
    for (;;) {
      elements.push(this.item())
      if (this.text[this.at] === '}') break
      this.expect(this.delimiter)
    }
    this.at++
    return elements
  }

  private item(): ArrayElement<T> {
    if (this.text[this.at] === '{') return this.array()
    if (this.text[this.at] === '"') return this.element(this.quoted())
    const bare = this.bare()
    return bare === 'NULL' ? null : this.element(bare)
  }

  private bare(): string {
    const start = this.at
    while (this.at < this.text.length && this.text[this.at] !== this.delimiter && this.text[this.at] !== '}') this.at++
    if (this.at === start) throw new SyntaxError('an element of an array literal is missing')
    return this.text.slice(start, this.at)
  }

  private quoted(): string {
    let value = ''
    let start = ++this.at
    for (; this.at < this.text.length; this.at++) {
      const character = this.text[this.at]
      if (character === '"') return value + this.text.slice(start, this.at++)
      if (character !== '\\') continue
      value += this.text.slice(start, this.at)
      start = ++this.at
    }
    throw new SyntaxError('an array literal ends inside quotes')
  }

  private expect(character: string): void {
    if (this.text[this.at] !== character) throw new SyntaxError(`an array literal has no ${character} where it must be`)
    this.at++
  }
}
