import { publishedSchema } from './schema.ts'

/** A node of the JSON Schema, as far as the reference shows it. */
interface SchemaNode {
  type?: string
  const?: unknown
  enum?: readonly string[]
  anyOf?: readonly SchemaNode[]
  items?: SchemaNode
  properties?: Record<string, SchemaNode>
  patternProperties?: Record<string, SchemaNode>
  additionalProperties?: SchemaNode | boolean
  required?: readonly string[]
  description?: string
  default?: unknown
  minimum?: number
  maximum?: number
  'x-must'?: string
  'x-key'?: string
}

/** Text of capture/config/schema.json. */
export function schemaText(): string {
  return `${JSON.stringify(publishedSchema(), null, 2)}\n`
}

/** The option tables of docs/configuration.md: one row for each option of the schema. */
export function optionReference(
  unavailable: readonly { path: string; values?: readonly string[] }[],
  schema: object = publishedSchema()
): string {
  const rows: string[] = ['| option | value | default | meaning |', '|---|---|---|---|']
  const visit = (node: SchemaNode, path: string, required: boolean) => {
    if (path !== '') rows.push(rowOf(node, path, required, unavailable))
    // Columns of further outputs are what those of the table are, options of messages those of an outbox table.
    if (path.includes('[].') || path === 'outbox.message.<prefix>') return
    for (const [name, child] of childrenOf(node)) {
      visit(child, path === '' ? name : `${path}.${name}`, node.required?.includes(name) ?? false)
    }
    if (node.items?.properties)
      visit({ properties: node.items.properties, required: node.items.required ?? [] }, `${path}[]`, false)
  }
  visit(schema as SchemaNode, '', true)
  return rows.filter(row => row !== '').join('\n')
}

function childrenOf(node: SchemaNode): [string, SchemaNode][] {
  const named = Object.entries(node.properties ?? {})
  const others = node.patternProperties ? Object.values(node.patternProperties)[0] : node.additionalProperties
  return typeof others === 'object' ? [...named, [node['x-key'] ?? '<name>', others]] : named
}

function rowOf(
  node: SchemaNode,
  path: string,
  required: boolean,
  unavailable: readonly { path: string; values?: readonly string[] }[]
) {
  if (path.endsWith('[]')) return ''
  const entry = unavailable.find(entry => entry.path === path.replaceAll(/<[^>]+>/g, '*'))
  const later =
    entry === undefined ? '' : ` *Not available in this version${entry.values ? `: ${entry.values.join(', ')}` : ''}.*`
  const byDefault = node.default === undefined ? (required ? '**required**' : '') : code(JSON.stringify(node.default))
  return `| ${code(path)} | ${escape(valueOf(node))} | ${byDefault} | ${escape(node.description ?? '')}${later} |`
}

function valueOf(node: SchemaNode): string {
  if (node.enum) return node.enum.map(value => code(value)).join(', ')
  if (node['x-must']) return node['x-must'].replace(/^be /, '')
  if (node.type === 'integer') return `whole number${rangeOf(node)}`
  if (node.type === 'string') return 'text'
  if (node.type === 'boolean') return '`true`, `false`'
  if (node.type === 'array') return node.items ? `list of: ${valueOf(node.items)}` : 'list'
  return node.type === 'object' ? 'mapping' : (node.type ?? '')
}

function rangeOf({ minimum, maximum }: SchemaNode): string {
  if (minimum === undefined) return ''
  return maximum === undefined ? ` from ${minimum}` : `, ${minimum} to ${maximum}`
}

function code(text: string): string {
  return `\`${text}\``
}

function escape(text: string): string {
  return text.replaceAll('|', '\\|')
}
