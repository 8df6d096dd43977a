import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type Document,
  type Node,
  type YAMLMap
} from 'yaml'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'

/** What a YAML text holds, as JSON-like values, and where each value stands. Paths are JSON pointers. */
export interface YamlDocument {
  root: unknown
  scalars: readonly YamlScalar[]
  /** `file:line:column` of the value, or of its key when `part` is 'key'; the key of the nearest parent when absent. */
  placeOf(path: string, part?: 'key' | 'value'): string
  /** Whether a value stands there; a default does not. */
  has(path: string): boolean
  /** A text as it stands in the file, with its references: what may be shown. */
  written(path: string): string | undefined
}

export interface YamlScalar {
  path: string
  text: string
  /** Puts another value in its place. */
  replace: (value: string | number | boolean) => void
}

const aliasesMax = 100

/** Faults that say nothing about what follows them; after any other the parser only guesses. */
const independentFaults = new Set(['DUPLICATE_KEY', 'TAG_RESOLVE_FAILED'])

/** Parses YAML. Throws nothing: what cannot be read comes back as CONFIG_UNREADABLE, one for each fault, with its place. */
export function parseYaml(text: string, file: string): YamlDocument | TidemarkError[] {
  const lines = new LineCounter()
  const document = parseDocument(maskReferences(text), {
    lineCounter: lines,
    prettyErrors: false,
    stringKeys: true,
    strict: true
  })
  const place = (offset: number) => {
    const { line, col } = lines.linePos(offset)
    return `${file}:${line}:${col}`
  }
  const faults = [...document.errors, ...document.warnings]
  const guessed = faults.findIndex(fault => !independentFaults.has(fault.code))
  const told = faults.filter((fault, index) => index === guessed || independentFaults.has(fault.code))
  if (told.length > 0) return told.map(fault => unreadable(unmask(firstLine(fault.message)), place(fault.pos[0])))
  return new Reader(document, place).read()
}

/**
 * In a flow mapping YAML ends `{password: ${file:x}}` at the inner braces. The indicators inside a reference are
 * therefore replaced, one character by one so that places stay, by characters of the private use area.
 */
const indicators = '{}[],:#'
const privateUse = 0xe0f0

function maskReferences(text: string): string {
  const mask = (character: string) => String.fromCharCode(privateUse + indicators.indexOf(character))
  return text.replace(/\$\{[^}\n]*\}/g, reference => reference.replace(/[{}[\],:#]/g, mask))
}

function unmask(text: string): string {
  return text.replace(/[\ue0f0-\ue0f6]/g, character => indicators[character.charCodeAt(0) - privateUse]!)
}

class Reader implements YamlDocument {
  root: unknown = null
  readonly scalars: YamlScalar[] = []
  private readonly document: Document
  private readonly place: (offset: number) => string
  private readonly keys = new Map<string, number>()
  private readonly values = new Map<string, number>()
  private aliases = 0

  constructor(document: Document, place: (offset: number) => string) {
    this.document = document
    this.place = place
  }

  read(): YamlDocument | TidemarkError[] {
    try {
      this.root = this.valueOf(this.document.contents, '', value => (this.root = value))
      return this
    } catch (error) {
      if (error instanceof TidemarkError) return [error]
      throw error
    }
  }

  placeOf(path: string, part: 'key' | 'value' = 'value'): string {
    const exact = part === 'key' ? this.keys.get(path) : this.values.get(path)
    if (exact !== undefined) return this.place(exact)
    for (let at = path; at !== ''; at = at.slice(0, at.lastIndexOf('/'))) {
      const offset = this.keys.get(at) ?? this.values.get(at)
      if (offset !== undefined) return this.place(offset)
    }
    return this.place(this.values.get('') ?? 0)
  }

  has(path: string): boolean {
    return this.values.has(path) || this.keys.has(path)
  }

  written(path: string): string | undefined {
    return this.scalars.find(scalar => scalar.path === path)?.text
  }

  private valueOf(node: Node | null, path: string, replace: (value: string | number | boolean) => void): unknown {
    if (node?.range) this.values.set(path, node.range[0])
    if (isAlias(node)) return this.valueOf(this.target(node.resolve(this.document), node.source, path), path, replace)
    if (isMap(node)) return this.mapOf(node, path)
    if (isSeq(node)) return this.listOf(node.items as Node[], path)
    if (!isScalar(node)) return null
    if (typeof node.value !== 'string') return node.value
    const text = unmask(node.value)
    this.scalars.push({ path, text, replace })
    return text
  }

  /** Bounded, so that aliases of aliases cannot grow without end. */
  private target(node: Node | undefined, name: string, path: string): Node {
    if (node === undefined) throw unreadable(`the anchor \`&${name}\` does not exist`, this.placeOf(path))
    if (++this.aliases > aliasesMax) throw unreadable(`more than ${aliasesMax} aliases`, this.placeOf(path))
    return node
  }

  private mapOf(map: YAMLMap, path: string): Record<string, unknown> {
    // Without a prototype, so that a key such as `constructor` or `__proto__` is a key and nothing else.
    const value = Object.create(null) as Record<string, unknown>
    for (const pair of map.items) {
      const key = pair.key as Node & { value?: unknown }
      const name = unmask(String(key.value))
      const at = `${path}/${escapePointer(name)}`
      if (key.range) this.keys.set(at, key.range[0])
      value[name] = this.valueOf(pair.value as Node | null, at, text => (value[name] = text))
    }
    return value
  }

  private listOf(items: readonly Node[], path: string): unknown[] {
    const value: unknown[] = []
    for (const [index, item] of items.entries()) {
      value.push(this.valueOf(item, `${path}/${index}`, text => (value[index] = text)))
    }
    return value
  }
}

function unreadable(message: string, place: string): TidemarkError {
  return new TidemarkError('CONFIG_UNREADABLE', { message, place })
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0]!
}

/** RFC 6901. */
export function escapePointer(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1')
}

/** A JSON pointer as people write it: `tables["public.account"].key[0]`. */
export function readablePath(pointer: string): string {
  let text = ''
  for (const part of pointer.split('/').slice(1)) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~')
    if (/^\d+$/.test(key)) text += `[${key}]`
    else if (/^[A-Za-z_][A-Za-z0-9_-]*$/.test(key)) text += text === '' ? key : `.${key}`
    else text += `["${key}"]`
  }
  return text
}
