/** How many tests there were, and how they ended. */
export interface TestCounts {
  tests: number
  passed: number
  failed: number
  cancelled: number
  skipped: number
  todo: number
}

export function emptyCounts(): TestCounts {
  return { tests: 0, passed: 0, failed: 0, cancelled: 0, skipped: 0, todo: 0 }
}

export function addCounts(one: TestCounts, other: TestCounts): TestCounts {
  return {
    tests: one.tests + other.tests,
    passed: one.passed + other.passed,
    failed: one.failed + other.failed,
    cancelled: one.cancelled + other.cancelled,
    skipped: one.skipped + other.skipped,
    todo: one.todo + other.todo
  }
}
