import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { startProgram } from '../../test/support/child.ts'

const program = join(import.meta.dirname, 'testing/watched-program.ts')

const cases: [how: string, ended: 'by itself' | 'from outside', said: RegExp][] = [
  ['is well', 'by itself', /^done, the loop stood\n$/],
  ['throws', 'by itself', /^PROCESSOR_FAILED: processor transfers failed in process of insert on public\.transfer/],
  ['rejects', 'by itself', /^PROCESSOR_ASYNC: processor transfers failed .*returned a promise/],
  ['is slow', 'by itself', /^done, the loop turned\n$/],
  ['sends without end', 'by itself', /^OUTPUT_TOO_LARGE: processor transfers .*more than 67108864 bytes/],
  ['leaves a timer that throws', 'by itself', /^PROCESSOR_STRAY: .*\n {2}at: {3}\/bank\/processors\/transfers\.ts:7:3/],
  [
    'leaves a promise that rejects',
    'by itself',
    /^PROCESSOR_STRAY: .*\n {2}at: {3}\/bank\/processors\/transfers\.ts:8:3/
  ],
  [
    'loops for ever',
    'from outside',
    /"event":"PROCESSOR_STUCK".*transfers\.ts, in process of public\.transfer, did not/
  ],
  ['sends without end and catches all', 'from outside', /"event":"PROCESSOR_STUCK"/],
  ['keeps promises going', 'from outside', /"event":"PROCESSOR_STUCK".*nothing but code was run since .*transfers\.ts/],
  [
    'allocates without end',
    'from outside',
    /"event":"PROCESSOR_MEMORY".*transfers\.ts, in process of public\.transfer/
  ],
  ['takes buffers without end', 'from outside', /"event":"PROCESSOR_MEMORY".*transfers\.ts/]
]

for (const [how, ended, said] of cases) {
  test(`a processor that ${how} ends ${ended}, with a word`, async t => {
    const child = startProgram(t, program, { args: [how] })
    const { code, signal } = await child.ended
    assert.match(child.output, said)
    assert.deepEqual([code, signal], ended === 'by itself' ? [0, null] : [null, 'SIGKILL'])
    assert.doesNotMatch(child.output, /secret/)
  })
}
