/** The word of `known` that `given` was most likely meant to be; null when none is near. */
export function nearest(given: string, known: Iterable<string>): string | null {
  let best: string | null = null
  let bestDistance = Math.max(1, Math.floor(given.length / 3)) + 1
  for (const word of known) {
    const distance = editDistance(fold(given), fold(word))
    if (distance < bestDistance) {
      best = word
      bestDistance = distance
    }
  }
  return best
}

/** What to do about a name that is not among the known ones; `otherwise`: when there are none. */
export function meant(given: string, known: readonly string[], otherwise: string): string {
  const close = nearest(given, known)
  if (close !== null) return `did you mean \`${close}\`?`
  return known.length === 0 ? otherwise : `use one of: ${known.join(', ')}`
}

/** Case and separators are what people forget: `commit_stream` is `commitStream`. */
function fold(word: string): string {
  return word.toLowerCase().replaceAll(/[-_ ]/g, '')
}

/** Insertions, deletions, replacements and swaps of neighbours (optimal string alignment). */
function editDistance(a: string, b: string): number {
  const rows = Array.from({ length: a.length + 1 }, (_, i) => Array.from({ length: b.length + 1 }, (_, j) => i || j))
  const at = (i: number, j: number) => rows[i]![j]!
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const replaced = at(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1)
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? at(i - 2, j - 2) + 1 : Infinity
      rows[i]![j] = Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, replaced, swapped)
    }
  }
  return at(a.length, b.length)
}
