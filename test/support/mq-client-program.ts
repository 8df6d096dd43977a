// Puts, gets and looks through the real npm package, in a process of its own (it blocks its thread at every verb).
// Requests come by the process's channel, one answer each.
import { describe } from '../../capture/mq/message-properties.ts'
import { loadMqPackage, type ObjectHandle, type RawDescriptor } from '../../capture/mq/mq-package.ts'
import { descriptorOf } from '../../capture/mq/mqi-verbs.ts'
import { MqiConnection } from '../../capture/mq/mqi-connection.ts'
import type { MqConnectionOptions } from '../../capture/mq/connection-options.ts'
import type { GotMessage, MqRequest, PutMessage } from './mq-application.ts'

const mq = loadMqPackage(process.env, import.meta.filename)
const { MQC } = mq
const options = JSON.parse(process.argv[2]!) as MqConnectionOptions
const connection = new MqiConnection(mq, options, 'tidemark test')
const objects = new Map<string, ObjectHandle>()

process.on('message', (request: MqRequest) => {
  try {
    process.send!({ result: perform(request) ?? null })
  } catch (error) {
    process.send!({ error: (error as Error).message })
  }
})
process.on('disconnect', () => process.exit(0))
process.send!({ result: 'ready' })

function perform(request: MqRequest): unknown {
  switch (request.do) {
    case 'put':
      for (const message of request.messages) put(request.queue, message)
      if (request.commit) connection.call('MQCMIT', 'put', done => mq.Cmit(connection.handle, done))
      return null
    case 'group':
      for (const messages of request.groups) putGroup(request.queue, messages)
      return null
    case 'get':
      return get(request.queue, request.count, request.commit)
    case 'depth': {
      const object = connection.open(request.queue, MQC['MQOO_INQUIRE']!)
      const { depth } = connection.queue(object, request.queue)
      connection.close(object)
      return depth
    }
  }
}

function objectOf(queue: string, how: 'MQOO_OUTPUT' | 'MQOO_INPUT_SHARED'): ObjectHandle {
  const key = `${how} ${queue}`
  let object = objects.get(key)
  if (object === undefined) {
    object = connection.open(queue, MQC[how]!)
    objects.set(key, object)
  }
  return object
}

function put(queue: string, message: PutMessage, optionBits = 0): void {
  const md = new mq.MQMD() as unknown as Record<string, unknown>
  md['Format'] = message.format ?? 'MQSTR'
  md['Persistence'] = 1
  for (const [name, value] of Object.entries(message.descriptor ?? {})) {
    md[name] = typeof value === 'string' && name.endsWith('Id') ? Buffer.from(value.padEnd(48, '0'), 'hex') : value
  }
  const pmo = new mq.MQPMO()
  pmo['Options'] = MQC['MQPMO_SYNCPOINT']! | optionBits
  if (message.properties !== undefined) pmo['OriginalMsgHandle'] = propertiesHandle(message.properties)
  const body = message.hex === true ? Buffer.from(message.body, 'hex') : Buffer.from(message.body)
  connection.call('MQPUT', queue, done => mq.PutSync(objectOf(queue, 'MQOO_OUTPUT'), md, pmo, body, done))
}

function putGroup(queue: string, messages: readonly PutMessage[]): void {
  messages.forEach((message, index) => {
    const last = index === messages.length - 1
    const MsgFlags = last ? MQC['MQMF_LAST_MSG_IN_GROUP']! : MQC['MQMF_MSG_IN_GROUP']!
    put(queue, { ...message, descriptor: { ...message.descriptor, MsgFlags } }, MQC['MQPMO_LOGICAL_ORDER']!)
  })
  connection.call('MQCMIT', 'put', done => mq.Cmit(connection.handle, done))
}

interface PropertyVerbs {
  MQCMHO: new () => object
  MQSMPO: new () => object
  MQPD: new () => object
  CrtMh(connection: object, options: object, done: (error: Error | null, handle: bigint) => void): void
  SetMp(connection: object, handle: bigint, options: object, name: string, pd: object, value: unknown): void
}

function propertiesHandle(properties: Record<string, unknown>): bigint {
  const verbs = mq as unknown as PropertyVerbs
  let handle = 0n
  verbs.CrtMh(connection.handle, new verbs.MQCMHO(), (_, made) => {
    handle = made
  })
  for (const [name, value] of Object.entries(properties)) {
    verbs.SetMp(connection.handle, handle, new verbs.MQSMPO(), name, new verbs.MQPD(), value)
  }
  return handle
}

function described(md: RawDescriptor, bytes: Buffer): GotMessage {
  const { content, properties } = describe(descriptorOf(md), bytes)
  return {
    body: content.toString('utf8'),
    msgId: md.MsgId.toString('hex'),
    correlId: md.CorrelId.toString('hex'),
    groupId: md.GroupId.toString('hex'),
    sequence: md.MsgSeqNumber,
    flags: md.MsgFlags,
    persistence: md.Persistence,
    priority: md.Priority,
    expiry: md.Expiry,
    type: md.MsgType,
    format: String(properties.get('mq.Format')),
    replyToQueue: (md.ReplyToQ ?? '').trim(),
    backoutCount: md.BackoutCount,
    properties: Object.fromEntries(
      [...properties].flatMap(([name, value]) =>
        name.startsWith('mq.') ? [] : [[name, value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value]]
      )
    )
  }
}

function get(queue: string, count: number, commit: boolean): unknown[] {
  const buffer = Buffer.alloc(1_000_000)
  const got: unknown[] = []
  while (got.length < count) {
    const md = new mq.MQMD()
    const gmo = new mq.MQGMO()
    gmo.Options = MQC['MQGMO_SYNCPOINT']! | MQC['MQGMO_PROPERTIES_FORCE_MQRFH2']!
    gmo.MatchOptions = 0
    let length = -1
    mq.GetSync(objectOf(queue, 'MQOO_INPUT_SHARED'), md, gmo, buffer, (error, taken) => {
      if (error === null) length = taken
      else if (error.mqrc !== 2033) throw error
    })
    if (length < 0) break
    got.push(described(md, buffer.subarray(0, length)))
  }
  if (commit) connection.call('MQCMIT', 'get', done => mq.Cmit(connection.handle, done))
  return got
}
