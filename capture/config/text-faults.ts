import { isTidemarkError, TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { YamlDocument } from './yaml-document.ts'

/**
 * What `check` finds wrong with the form of a text that stands at `path` (a JSON pointer): a topic, a condition, an
 * expression is checked by who uses it. A value that came through a reference is not shown.
 */
export function textFaults(text: string, check: () => void, path: string, document: YamlDocument): TidemarkError[] {
  try {
    check()
    return []
  } catch (error) {
    if (!isTidemarkError(error)) throw error
    const { code, cure } = error
    const message = error.message.replaceAll(text, document.written(path) ?? text)
    return [new TidemarkError(code, { message, cure, place: document.placeOf(path) })]
  }
}
