import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { chooseOwner, readAssignment, readCandidate, writeAssignment, writeSubscription } from './group-protocol.ts'

describe('the group protocol', () => {
  test('carries since which generation a member owns the partition', () => {
    const read = (metadata: Buffer) => readCandidate({ memberId: 'm', groupInstanceId: null, metadata })
    assert.deepEqual(read(writeSubscription('c', 0, 12)), { memberId: 'm', ownedIn: 12 })
    assert.deepEqual(read(writeSubscription('c', 0, -1)), { memberId: 'm', ownedIn: -1 })
    assert.deepEqual(read(Buffer.from([1, 2])), { memberId: 'm', ownedIn: -1 })
  })

  test('is laid out as Kafka’s consumer protocol', () => {
    assert.equal(
      writeSubscription('c', 0, 5).toString('hex'),
      '0001' + '00000001000163' + '0000000400000005' + '00000001000163' + '0000000100000000'
    )
    assert.equal(
      writeAssignment('c', 0, true).toString('hex'),
      '0001' + '00000001000163' + '0000000100000000' + 'ffffffff'
    )
  })

  test('assigns the partition to one member and nothing to the others', () => {
    assert.equal(readAssignment(writeAssignment('c', 0, true), 'c', 0), true)
    assert.equal(readAssignment(writeAssignment('c', 0, false), 'c', 0), false)
    assert.equal(readAssignment(writeAssignment('c', 0, true), 'd', 0), false)
    assert.equal(readAssignment(Buffer.alloc(0), 'c', 0), false)
  })

  test('leaves the partition with its owner, the latest if two believe so, else the first by id', () => {
    assert.equal(
      chooseOwner([
        { memberId: 'a', ownedIn: -1 },
        { memberId: 'b', ownedIn: 3 }
      ]),
      'b'
    )
    assert.equal(
      chooseOwner([
        { memberId: 'a', ownedIn: 2 },
        { memberId: 'b', ownedIn: 3 }
      ]),
      'b'
    )
    assert.equal(
      chooseOwner([
        { memberId: 'b', ownedIn: -1 },
        { memberId: 'a', ownedIn: -1 }
      ]),
      'a'
    )
    assert.equal(chooseOwner([]), null)
  })
})
