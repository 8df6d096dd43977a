import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorsDocument } from './errors-document.ts'

test('every code has its meaning and its cure, in the order of the alphabet', () => {
  const text = errorsDocument({
    SLOT_LOST: { means: 'the slot is lost', cure: 'refresh' },
    FENCED: { means: 'fenced!', cure: 'stop it.' }
  })
  const end = text.slice(text.indexOf('## '))
  assert.equal(
    end,
    '## FENCED\n\nFenced!\n\n**Cure:** Stop it.\n\n## SLOT_LOST\n\nThe slot is lost.\n\n**Cure:** Refresh.\n'
  )
})
