import assert from 'node:assert/strict'
import { test } from 'node:test'
import { array, assert as check, boolean, integer, nat, property, tuple } from 'fast-check'
import { EpochFold } from './stream-fold.ts'
import { isTidemarkError } from './tidemark-error.ts'

const claimsAndCommits = array(tuple(boolean(), integer({ min: 1, max: 6 })), { maxLength: 30 })

/** What becomes of each record; reading stops at an error. */
function judge(fold: EpochFold, records: readonly (readonly [boolean, number])[]): string[] {
  const judged: string[] = []
  for (const [isClaim, epoch] of records) {
    try {
      judged.push(isClaim ? (fold.claim({ epoch }) ? 'valid' : 'void') : fold.commits(epoch))
    } catch (error) {
      assert.ok(isTidemarkError(error, 'CLAIM_MISSING'))
      return [...judged, error.code]
    }
  }
  return judged
}

test('the current epoch is the highest claimed so far, and only its records are valid', () => {
  check(
    property(claimsAndCommits, records => {
      const judged = judge(new EpochFold(), records)
      for (const [index, verdict] of judged.entries()) {
        const [isClaim, epoch] = records[index]!
        const highest = Math.max(0, ...records.slice(0, index).map(([claims, claimed]) => (claims ? claimed : 0)))
        const expected = isClaim
          ? epoch > highest
            ? 'valid'
            : 'void'
          : epoch === highest
            ? 'valid'
            : epoch < highest
              ? 'void'
              : 'CLAIM_MISSING'
        assert.equal(verdict, expected)
      }
    })
  )
})

test('reading on from anywhere with the known epoch gives what reading from the start gives', () => {
  check(
    property(claimsAndCommits, nat(), (records, at) => {
      const cut = at % (records.length + 1)
      const first = new EpochFold()
      const before = judge(first, records.slice(0, cut))
      if (before.length < cut || before.at(-1) === 'CLAIM_MISSING') return
      const rest = judge(new EpochFold({ epoch: first.epoch }), records.slice(cut))
      assert.deepEqual([...before, ...rest], judge(new EpochFold(), records))
    })
  )
})
