/** A change to one file, as if a rule had been forgotten. `from` must stand in it exactly once. */
export interface Edit {
  /** From the root of the repository. */
  file: string
  from: string
  to: string
}

/** A rule of the specification taken out of the product's own source: the simulation must find that out. */
export interface Mutation {
  name: string
  /** Section and rule of the commit stream's specification, or the decision that has it. */
  rule: string
  edits: readonly Edit[]
  /** It takes many schedules to find, or is much like another: left out of the short form in the tests. */
  rare?: boolean
  /** Configurations in which it is looked for, in turn. */
  configurations: readonly string[]
}
