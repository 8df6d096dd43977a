import { readerKey, secretCure, secretKey } from '@tidemark/kcop/protection/key-files.ts'
import { isTidemarkError, TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { completeColumns, outboxEntries } from './output-completion.ts'
import { invalid, type ReferenceSource } from './references.ts'
import type { ConfigurationFile } from './schema.ts'
import { escapePointer, type YamlDocument } from './yaml-document.ts'

/** Every key file is read and judged when the configuration is: KEY_INVALID at the place that names the file. */
export function keyFaults(
  written: ConfigurationFile,
  document: YamlDocument,
  references: ReferenceSource
): TidemarkError[] {
  return Object.entries(written.encryption?.keys ?? {}).flatMap(([name, key]) => {
    const at = `/encryption/keys/${escapePointer(name)}`
    const files = [
      ...(key.publicKey === undefined ? [] : [[`${at}/publicKey`, key.publicKey] as const]),
      ...(key.publicKeys ?? []).map((file, index) => [`${at}/publicKeys/${index}`, file] as const)
    ]
    const load = (path: string, file: string, judge: (text: string, file: string) => unknown) =>
      fileFaults(file, document.placeOf(path), references, judge)
    return [
      ...files.flatMap(([path, file]) => load(path, file, readerKey)),
      ...(key.secretKey === undefined ? [] : load(`${at}/secretKey`, key.secretKey, secretKey)),
      ...useFaults(name, written, document)
    ]
  })
}

function fileFaults(
  file: string,
  place: string,
  references: ReferenceSource,
  judge: (text: string, file: string) => unknown
): TidemarkError[] {
  try {
    judge(references.file(file), file)
    return []
  } catch (error) {
    if (isTidemarkError(error)) {
      return [new TidemarkError(error.code, { message: error.message, cure: error.cure, place })]
    }
    const code = (error as NodeJS.ErrnoException).code ?? 'not readable'
    const message = `the key file ${file} cannot be read (${code})`
    return [new TidemarkError('KEY_INVALID', { message, place, cure: 'create it, or correct its name or permissions' })]
  }
}

/** A key has what the protections that use it need. */
function useFaults(name: string, written: ConfigurationFile, document: YamlDocument): TidemarkError[] {
  const key = written.encryption!.keys[name]!
  const publicKeys = (key.publicKeys?.length ?? 0) + (key.publicKey === undefined ? 0 : 1)
  const kinds = kindsUsing(name, written)
  const faults: [what: string, cure: string][] = []
  if ((kinds.has('encrypt') || kinds.has('encrypt-subject')) && publicKeys === 0)
    faults.push(['`encrypt`, which needs a public key', 'add `publicKey: FILE` with the PEM of the reader'])
  if (kinds.has('rsa') && publicKeys !== 1) {
    const cure = publicKeys === 0 ? 'add `publicKey: FILE`' : 'make a key with one of the files, and name that'
    faults.push([`\`rsa\`, which needs exactly one public key, not ${publicKeys}`, cure])
  }
  if ((kinds.has('deterministic') || kinds.has('tokenise')) && key.secretKey === undefined) {
    faults.push(['`deterministic` or `tokenise`, which need a secret', `add \`secretKey: FILE\`; ${secretCure}`])
  }
  const place = document.placeOf(`/encryption/keys/${escapePointer(name)}`, 'key')
  return faults.map(([what, cure]) => invalid(`key ${name} is used by ${what}`, place, cure))
}

function kindsUsing(name: string, written: ConfigurationFile): ReadonlySet<string> {
  const rules = Object.values(written.tables ?? {}).flatMap(table => {
    const main = completeColumns(table.columns)
    return [main, ...(table.also ?? []).map(also => completeColumns(also.columns, main))]
  })
  rules.push(...outboxEntries(written).map(({ entry }) => completeColumns(entry.columns)))
  const uses = rules.flatMap(columns => columns.protected.map(({ protection }) => protection))
  return new Set(uses.filter(use => 'key' in use && use.key === name).map(use => use.kind))
}
