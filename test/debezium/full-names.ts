const primitives = new Set(['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string'])

/**
 * The schema with every type by its full name and without namespaces, which Avro's Java leaves out where they are inherited
 * (specification, "Names"): so two texts of one schema are equal.
 */
export function withFullNames(text: string): unknown {
  return named(JSON.parse(text), '')
}

function named(schema: unknown, space: string): unknown {
  if (typeof schema === 'string') return primitives.has(schema) || schema.includes('.') ? schema : joined(space, schema)
  if (Array.isArray(schema)) return schema.map(branch => named(branch, space))
  const { type, namespace, ...rest } = schema as { type: unknown; namespace?: string; [name: string]: unknown }
  if (type === 'array') return { ...rest, type, items: named(rest['items'], space) }
  if (type !== 'record') return { ...rest, type: named(type, space) }
  const name = joined(namespace ?? space, rest['name'] as string)
  const inner = name.slice(0, name.lastIndexOf('.'))
  const fields = (rest['fields'] as { type: unknown }[]).map(field => ({ ...field, type: named(field.type, inner) }))
  return { ...rest, type, name, fields }
}

function joined(space: string, name: string): string {
  return space === '' || name.includes('.') ? name : `${space}.${name}`
}
