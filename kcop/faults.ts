import { isTidemarkError, type TidemarkError } from '@tidemark/schemas/tidemark-error.ts'

/** Faults found by trying things, each text at each place once: the same is found on several ways. */
export class Faults {
  private readonly byText = new Map<string, TidemarkError>()

  get found(): TidemarkError[] {
    return [...this.byText.values()]
  }

  /** What `act` returns; null when it throws a fault. Throws what is no TidemarkError. */
  of<T>(act: () => T): T | null {
    try {
      return act()
    } catch (error) {
      if (!isTidemarkError(error)) throw error
      this.byText.set(error.format(), error)
      return null
    }
  }
}
