// node queue-gets.ts <connection JSON> <queue> <messages> put|get [bytes] [json|xml]: what the client package does by itself, 100
// messages to a commit. Gets are timed once a fifth of the messages is gone, when the code is warm.
import { loadMqPackage, type ObjectHandle } from '../../capture/mq/mq-package.ts'
import { MqiConnection } from '../../capture/mq/mqi-connection.ts'
import type { MqConnectionOptions } from '../../capture/mq/connection-options.ts'

const [options, queue, messages, what, bytes = '200', content = 'json'] = process.argv.slice(2) as [
  string,
  string,
  string,
  'put' | 'get',
  string?,
  string?
]
const mq = loadMqPackage(process.env, import.meta.filename)
const { MQC } = mq
const connection = new MqiConnection(mq, JSON.parse(options) as MqConnectionOptions, 'tidemark bench')
const object = connection.open(queue, MQC[what === 'put' ? 'MQOO_OUTPUT' : 'MQOO_INPUT_EXCLUSIVE']!)
const count = Number(messages)
const perCommit = 100

if (what === 'put') put(object, count)
else {
  const first = Math.floor(count / 5)
  get(object, first)
  const begun = performance.now()
  get(object, count - first)
  const ms = performance.now() - begun
  process.stdout.write(JSON.stringify({ perSecond: Math.round(((count - first) / ms) * 1_000) }))
}
connection.disconnect()

function put(object: ObjectHandle, count: number): void {
  const text = 'x'.repeat(Number(bytes) - 30)
  const pmo = new mq.MQPMO()
  pmo['Options'] = MQC['MQPMO_SYNCPOINT']
  for (let index = 0; index < count; index++) {
    const body = Buffer.from(
      content === 'xml' ? `<m><order>${index}</order>${text}</m>` : `{"order":${index},"text":"${text}"}`
    )
    const md = new mq.MQMD()
    md.Format = 'MQSTR'
    connection.call('MQPUT', queue, done => mq.PutSync(object, md, pmo, body, done))
    if (index % perCommit === perCommit - 1) commit()
  }
  commit()
}

/** With the options that the agent gets with: properties and conversion. */
function get(object: ObjectHandle, count: number): void {
  const buffer = Buffer.alloc(65_536)
  const md = new mq.MQMD()
  const gmo = new mq.MQGMO()
  for (let index = 0; index < count; index++) {
    gmo.Options =
      MQC['MQGMO_SYNCPOINT']! |
      MQC['MQGMO_FAIL_IF_QUIESCING']! |
      MQC['MQGMO_PROPERTIES_FORCE_MQRFH2']! |
      MQC['MQGMO_CONVERT']!
    gmo.MatchOptions = 0
    md.CodedCharSetId = 1208
    md.Encoding = MQC['MQENC_NATIVE']!
    connection.call('MQGET', queue, done => mq.GetSync(object, md, gmo, buffer, done))
    if (index % perCommit === perCommit - 1) commit()
  }
  commit()
}

function commit(): void {
  connection.call('MQCMIT', queue, done => mq.Cmit(connection.handle, done))
}
