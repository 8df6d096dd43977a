import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readAll } from './testing/read-all.ts'
import { ScriptedStream } from './testing/scripted-stream.ts'

function started(): { script: ScriptedStream; owner: ReturnType<ScriptedStream['claim']> } {
  const script = new ScriptedStream()
  script.genesis()
  return { script, owner: script.claim(1) }
}

test('records of several partitions come back in source order', async () => {
  const { script, owner } = started()
  const written = owner.transaction(1, ['accounts/0', 'transfers/0', 'accounts/1', 'accounts/0'])
  const { values, error } = await readAll(script.log)
  assert.equal(error, null)
  assert.deepEqual(values, [written.values])
})
