/** Name of the extension of a State entry that holds the epoch its sequence was named under, as decimal digits. */
const namedExtension = 'named'

type Extensions = ReadonlyMap<string, Uint8Array>

/** Extensions of a State entry with the epoch, beside `others`; null: it is not known. */
export function withNamedEpoch(epoch: number | null, others: Extensions): Extensions {
  return epoch === null ? others : new Map([...others, [namedExtension, Buffer.from(String(epoch))]])
}

/** Null where the entry does not say it: its writer did not know, or was older. */
export function namedEpoch(extensions: Extensions): number | null {
  const bytes = extensions.get(namedExtension)
  const text = bytes === undefined ? '' : Buffer.from(bytes).toString('latin1')
  const epoch = Number(text)
  return /^\d{1,16}$/.test(text) && Number.isSafeInteger(epoch) ? epoch : null
}
