import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '../test/support/seeded-random.ts'
import { GroupCut, orderBodies, OrderCheck } from './order-checks.ts'

const { random } = seededRandom()

function violationsOf(...orders: string[][]): number {
  const check = new OrderCheck()
  for (const bodies of orders) check.see(bodies)
  return check.violations
}

test('whole orders, each once, in order, are no violation', () => {
  assert.equal(violationsOf(orderBodies(1, random), orderBodies(2, random), orderBodies(3, random)), 0)
})

test('half an order, an order twice, one left out, and two in one are seen', () => {
  const [one, two] = [orderBodies(1, random), orderBodies(2, random)]
  assert.equal(violationsOf(one, two.slice(0, -1)), 1)
  assert.equal(violationsOf(one, one), 1)
  assert.equal(violationsOf(two), 1)
  assert.ok(violationsOf([...one, ...two]) >= 1)
  assert.ok(violationsOf(one, two.slice(0, 1), two.slice(1)) >= 1)
})

test('messages of a queue are cut into groups where the id changes or the last one says so', () => {
  const groups: (readonly string[])[] = []
  const cut = new GroupCut(bodies => groups.push(bodies))
  cut.message('a', '1', false)
  cut.message('a', '2', true)
  cut.message('b', '3', false)
  cut.message('c', '4', true)
  assert.deepEqual(groups, [['1', '2'], ['3'], ['4']])
})
