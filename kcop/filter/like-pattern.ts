/** What stands for any characters, and for one. */
const ANY = Symbol('%')
const ONE = Symbol('_')
type Piece = string | typeof ANY | typeof ONE

/**
 * The test of a LIKE pattern: `%` any characters, `_` one, backslash takes the next as it is. Steps are at most the
 * product of both lengths, whatever the pattern. Returns null for a pattern that ends with its escape.
 */
export function likePattern(pattern: string): ((text: string) => boolean) | null {
  const pieces: Piece[] = []
  const characters = [...pattern]
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at]!
    if (character === '%') pieces.push(ANY)
    else if (character === '_') pieces.push(ONE)
    else if (character !== '\\') pieces.push(character)
    else if (++at < characters.length) pieces.push(characters[at]!)
    else return null
  }
  return text => matches(pieces, [...text])
}

function matches(pieces: readonly Piece[], text: readonly string[]): boolean {
  let piece = 0
  let at = 0
  let lastAny = -1
  let resumeAt = 0
  while (at < text.length) {
    const wanted = pieces[piece]
    if (wanted === ANY) {
      lastAny = piece++
      resumeAt = at
    } else if (wanted !== undefined && (wanted === ONE || wanted === text[at])) {
      piece++
      at++
    } else if (lastAny >= 0) {
      piece = lastAny + 1
      at = ++resumeAt
    } else return false
  }
  while (pieces[piece] === ANY) piece++
  return piece === pieces.length
}
