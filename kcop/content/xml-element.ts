import type { RepeatedElements } from './repeated-elements.ts'

const notSpace = /[^ \t\r\n]/

/** An element while it is read, and the JSON it becomes. */
export class XmlElement {
  readonly name: string
  /** What is declared for its children; undefined: nothing. */
  readonly declared: RepeatedElements | undefined
  private attributes = ''
  /** Of the children in order: a name, null for a run of text; and each as JSON. */
  private readonly names: (string | null)[] = []
  private readonly values: string[] = []
  private run = ''
  private hasElements = false
  private isMixed = false

  constructor(name: string, declared: RepeatedElements | undefined) {
    this.name = name
    this.declared = declared
  }

  attribute(name: string, value: string): void {
    this.attributes += `${this.attributes === '' ? '' : ','}${JSON.stringify(`@${name}`)}:${JSON.stringify(value)}`
  }

  text(run: string): void {
    this.run += run
  }

  child(element: XmlElement): void {
    this.endRun()
    this.hasElements = true
    this.names.push(element.name)
    this.values.push(element.json())
  }

  /** `"name":value`, for the root. */
  asMember(): string {
    return `${JSON.stringify(this.name)}:${this.json()}`
  }

  private json(): string {
    if (!this.hasElements) return this.textAlone()
    this.endRun()
    const content = this.isMixed ? `"#mixed":[${this.inOrder()}]` : this.byName()
    return this.attributes === '' ? `{${content}}` : `{${this.attributes},${content}}`
  }

  private textAlone(): string {
    const text = JSON.stringify(this.run)
    if (this.attributes === '') return text
    return this.run === '' ? `{${this.attributes}}` : `{${this.attributes},"#text":${text}}`
  }

  /** Elements of one name together, in the order of their first. */
  private byName(): string {
    const members = new Map<string, string[]>()
    this.names.forEach((name, index) => {
      if (name === null) return
      const values = members.get(name)
      if (values === undefined) members.set(name, [this.values[index]!])
      else values.push(this.values[index]!)
    })
    let json = ''
    for (const [name, values] of members) {
      const many = values.length > 1 || this.declared?.inside(name)?.isArray === true
      json += `${json === '' ? '' : ','}${JSON.stringify(name)}:${many ? `[${values.join(',')}]` : values[0]!}`
    }
    return json
  }

  private inOrder(): string {
    return this.values
      .map((value, index) => {
        const name = this.names[index]!
        return name === null ? value : `{${JSON.stringify(name)}:${value}}`
      })
      .join(',')
  }

  /** White space between elements is none of the content, unless other text stands there too. */
  private endRun(): void {
    if (this.run === '') return
    this.names.push(null)
    this.values.push(JSON.stringify(this.run))
    if (notSpace.test(this.run)) this.isMixed = true
    this.run = ''
  }
}
