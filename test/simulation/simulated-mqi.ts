import type {
  Done,
  MqError,
  MqPackage,
  ObjectHandle,
  RawDescriptor,
  RawGetOptions
} from '../../capture/mq/mq-package.ts'
import { reason } from '../../capture/mq/reason-codes.ts'
import {
  outcomeUnknown,
  Refused,
  type PutFields,
  type TargetConnection,
  type TargetQueueManager
} from './target-queues.ts'
import type { World } from './world.ts'

/** IBM's reference, "MQI constants". */
const MQC = {
  MQCA_Q_MGR_IDENTIFIER: 2032,
  MQCNO_CLIENT_BINDING: 2048,
  MQCNO_RECONNECT_DISABLED: 33_554_432,
  MQENC_NATIVE: 546,
  MQGMO_BROWSE_FIRST: 16,
  MQGMO_BROWSE_NEXT: 32,
  MQGMO_FAIL_IF_QUIESCING: 8192,
  MQGMO_NO_PROPERTIES: 67_108_864,
  MQGMO_SYNCPOINT: 2,
  MQIA_MAX_UNCOMMITTED_MSGS: 33,
  MQOO_BROWSE: 8,
  MQOO_FAIL_IF_QUIESCING: 8192,
  MQOO_INPUT_EXCLUSIVE: 4,
  MQOO_INPUT_SHARED: 2,
  MQOO_INQUIRE: 32,
  MQOO_OUTPUT: 16,
  MQOT_Q_MGR: 5,
  MQPMO_FAIL_IF_QUIESCING: 8192,
  MQPMO_NEW_MSG_ID: 64,
  MQPMO_SYNCPOINT: 2
} as const

interface OpenObject {
  queue: string
  browsed: number
}

class Fields {
  [name: string]: unknown
}

/**
 * The MQI of one process, for one connection. Any verb may find the connection broken; MQCMIT may end in doubt, done or
 * not. `perform` carries a verb out, or kills the process before or after it.
 */
export function simulatedMqi(
  manager: TargetQueueManager,
  connection: TargetConnection,
  perform: <T>(verb: () => T) => T
): MqPackage {
  const { world } = connection.host
  const objects = new Map<object, OpenObject>()

  const answer = <T>(done: Done<T>, verb: () => T): void => {
    let result: T | undefined
    let failure: MqError | null = null
    perform(() => {
      try {
        result = reached(world, manager, connection, verb)
      } catch (error) {
        if (!(error instanceof Refused)) throw error
        failure = Object.assign(new Error(error.message), { mqcc: 2, mqrc: error.reasonCode })
      }
    })
    done(failure, result as T)
  }
  const objectOf = (handle: ObjectHandle): OpenObject => objects.get(handle)!

  return {
    MQC,
    ...structures,
    ConnxSync: (_name, _cno, done) =>
      answer(done, () => {
        if (!world.healing && world.chance.happens(0.02)) throw new Refused(2059)
        manager.connections.push(connection)
        return {} as never
      }),
    DiscSync: (_connection, done) =>
      answer(done, () => {
        // MQDISC commits what is open.
        manager.commit(connection)
        connection.broken = true
        manager.release(connection)
      }),
    OpenSync: (_connection, od, options, done) =>
      answer(done, () => {
        const queue = (od as Fields)['ObjectName'] as string | undefined
        const handle = {} as ObjectHandle
        if (queue !== undefined) manager.open(connection, queue, inputOf(options))
        objects.set(handle, { queue: queue ?? '', browsed: 0 })
        return handle
      }),
    CloseSync: (_object, _options, done) => answer(done, () => {}),
    Inq: (_object, attributes, done) =>
      answer(done, () => {
        for (const attribute of attributes as { selector: number; value: unknown }[]) {
          attribute.value = attribute.selector === MQC.MQIA_MAX_UNCOMMITTED_MSGS ? manager.maxUncommitted : manager.name
        }
      }),
    GetSync: (handle, _md, gmo, buffer, done) =>
      answer(done, () => {
        const object = objectOf(handle)
        const body = got(manager, connection, object, (gmo as RawGetOptions).Options)
        if (body === null) throw new Refused(reason.noMessage)
        return body.copy(buffer)
      }),
    PutSync: (handle, md, _pmo, body, done) =>
      answer(done, () => manager.put(connection, objectOf(handle).queue, body, fieldsOf(md as RawDescriptor))),
    Cmit: (_connection, done) => answer(done, () => commit(world, manager, connection)),
    Back: (_connection, done) =>
      answer(done, () => {
        connection.backedOut = false
        manager.back(connection)
      })
  }
}

const structures = {
  MQCNO: Fields,
  MQCD: Fields,
  MQCSP: Fields,
  MQSCO: Fields,
  MQOD: Fields,
  MQMD: Fields as unknown as new () => RawDescriptor,
  MQGMO: Fields as unknown as new () => RawGetOptions,
  MQPMO: Fields,
  MQAttr: class {
    readonly selector: number
    value: unknown = null

    constructor(selector: number) {
      this.selector = selector
    }
  }
}

/** A verb that reaches the queue manager, unless the connection breaks before it. */
function reached<T>(world: World, manager: TargetQueueManager, connection: TargetConnection, verb: () => T): T {
  if (!world.healing && !connection.broken && world.chance.happens(0.005)) manager.lose(connection)
  if (connection.broken) throw new Refused(reason.connectionBroken)
  return verb()
}

/** In doubt now and then: done, not done, or on its way. */
function commit(world: World, manager: TargetQueueManager, connection: TargetConnection): void {
  const { chance, healing } = world
  if (healing || chance.happens(0.9)) return manager.commit(connection)
  if (chance.happens(0.2)) {
    manager.back(connection)
    connection.backedOut = true
    throw new Refused(reason.backedOut)
  }
  world.counters.putUnitsInDoubt++
  if (chance.happens(0.5)) manager.commit(connection)
  else connection.commitUnderWay = chance.happens(0.5)
  manager.lose(connection)
  throw new Refused(chance.happens(0.5) ? reason.connectionBroken : outcomeUnknown)
}

function got(
  manager: TargetQueueManager,
  connection: TargetConnection,
  object: OpenObject,
  options: number
): Buffer | null {
  if ((options & MQC.MQGMO_SYNCPOINT) !== 0) return manager.get(connection, object.queue)
  object.browsed = (options & MQC.MQGMO_BROWSE_NEXT) !== 0 ? object.browsed + 1 : 0
  return manager.browse(connection, object.queue, object.browsed)
}

function inputOf(options: number): 'none' | 'shared' | 'exclusive' {
  if ((options & MQC.MQOO_INPUT_EXCLUSIVE) !== 0) return 'exclusive'
  return (options & MQC.MQOO_INPUT_SHARED) !== 0 ? 'shared' : 'none'
}

function fieldsOf({ GroupId, MsgSeqNumber, MsgFlags, Format }: RawDescriptor): PutFields {
  return { groupId: GroupId, sequence: MsgSeqNumber, flags: MsgFlags, format: Format ?? '' }
}
