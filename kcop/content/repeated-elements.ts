/** Paths of elements that are arrays however often they come, as a tree: a document's own paths are never put together. */
export class RepeatedElements {
  /** An element at this place is an array. */
  isArray = false
  private readonly below = new Map<string, RepeatedElements>()

  /** `paths`: names from the root on, `/` between them. */
  constructor(paths: readonly string[] = []) {
    for (const path of paths) this.add(path.split('/'))
  }

  /** What is declared for children of that name and what is in them; undefined: nothing. */
  inside(name: string): RepeatedElements | undefined {
    return this.below.get(name)
  }

  private add([name, ...rest]: readonly string[]): void {
    if (name === undefined) {
      this.isArray = true
      return
    }
    const inside = this.below.get(name) ?? new RepeatedElements()
    this.below.set(name, inside)
    inside.add(rest)
  }
}
