// node queue-gets.ts <connection JSON> <queue> <messages> put|get: what the client package does by itself, 100 messages to a commit.
import { loadMqPackage, type ObjectHandle } from '../../capture/mq/mq-package.ts'
import { MqiConnection } from '../../capture/mq/mqi-connection.ts'
import type { MqConnectionOptions } from '../../capture/mq/connection-options.ts'

const [options, queue, messages, what] = process.argv.slice(2) as [string, string, string, 'put' | 'get']
const mq = loadMqPackage(process.env, import.meta.filename)
const { MQC } = mq
const connection = new MqiConnection(mq, JSON.parse(options) as MqConnectionOptions, 'tidemark bench')
const object = connection.open(queue, MQC[what === 'put' ? 'MQOO_OUTPUT' : 'MQOO_INPUT_EXCLUSIVE']!)
const count = Number(messages)
const perCommit = 100

const begun = performance.now()
if (what === 'put') put(object)
else get(object)
const ms = performance.now() - begun
process.stdout.write(`${JSON.stringify({ messages: count, ms, perSecond: Math.round((count / ms) * 1_000) })}\n`)
connection.disconnect()

function put(object: ObjectHandle): void {
  const pmo = new mq.MQPMO()
  pmo['Options'] = MQC['MQPMO_SYNCPOINT']
  for (let index = 0; index < count; index++) {
    const body = Buffer.from(`{"order":${index},"text":"${'x'.repeat(170)}"}`)
    connection.call('MQPUT', queue, done => mq.PutSync(object, new mq.MQMD(), pmo, body, done))
    if (index % perCommit === perCommit - 1) commit()
  }
  commit()
}

function get(object: ObjectHandle): void {
  const buffer = Buffer.alloc(65_536)
  const md = new mq.MQMD()
  const gmo = new mq.MQGMO()
  for (let index = 0; index < count; index++) {
    gmo.Options = MQC['MQGMO_SYNCPOINT']! | MQC['MQGMO_PROPERTIES_FORCE_MQRFH2']!
    gmo.MatchOptions = 0
    connection.call('MQGET', queue, done => mq.GetSync(object, md, gmo, buffer, done))
    if (index % perCommit === perCommit - 1) commit()
  }
  commit()
}

function commit(): void {
  connection.call('MQCMIT', queue, done => mq.Cmit(connection.handle, done))
}
