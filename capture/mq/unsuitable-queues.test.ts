import assert from 'node:assert/strict'
import { test } from 'node:test'
import { until } from '../../test/support/until.ts'
import { useQueueManager } from '../../test/support/mq.ts'
import { numbered, queueOptions, reading, sourceOf } from './testing/source-recorder.ts'

test('a queue as on z/OS is read by groups with INDXTYPE(GROUPID), and refused without: 2394', async t => {
  const mq = await useQueueManager(t)
  if (mq === null || mq.standIn === null) return
  const queue = await mq.queue({ indxtype: 'NONE' })
  const application = await mq.application()
  await application.putGroups(queue, [numbered(3)])
  const source = sourceOf(mq, [queueOptions(queue, { unit: 'group' })])
  const refused = await reading(t, source)
  await assert.rejects(refused.end, { code: 'MQ_QUEUE_UNSUITABLE' })
  await refused.connection.close()
  await mq.standIn.define(queue, { indxtype: 'GROUPID' })
  const { recorder } = await reading(t, source)
  await until(async () => (await application.depth(queue)) === 0)
  assert.deepEqual(recorder.bodies, ['m0', 'm1', 'm2'])
})

test('a group is not moved to a backout queue that is an alias of a topic, and stays where it is: 2417', async t => {
  const mq = await useQueueManager(t)
  if (mq === null || mq.standIn === null) return
  const backout = await mq.queue({ topic: true })
  const queue = await mq.queue({ bothresh: 1, boqname: backout })
  const application = await mq.application()
  await application.putGroups(queue, [numbered(3)])
  const source = sourceOf(mq, [queueOptions(queue, { unit: 'group' })])
  // Backed out once: the next owner is to set it aside.
  const first = await reading(t, source)
  first.recorder.settling = false
  await until(() => first.recorder.units.length > 0)
  await first.connection.close()
  const second = await reading(t, source)
  await assert.rejects(second.end, {
    code: 'MQ_CALL_FAILED',
    message: new RegExp(`MQPUT for queue ${backout} failed with reason 2417`)
  })
  await second.connection.close()
  assert.deepEqual(second.recorder.bodies, [])
  assert.equal(await application.depth(queue), 3)
  assert.equal((await mq.standIn.look(backout)).depth, 0)
})
