import type { BackoutPolicy } from './backout-policy.ts'
import type { MqConnectionOptions } from './connection-options.ts'
import type { ConnectionHandle, Done, MqError, MqPackage, ObjectHandle } from './mq-package.ts'
import { verbError } from './reason-codes.ts'

/** Selectors of MQINQ that the package has no name for in every version. */
export interface QueueAttributes extends BackoutPolicy {
  depth: number
  messageBytesMax: number
  getInhibited: boolean
  shareable: boolean
  hardenBackout: boolean
}

export interface ManagerAttributes {
  /** QMID: stays the same over restarts, and is another after the queue manager was made anew. */
  id: string
  name: string
  maxUncommitted: number
  /** DEADQ; empty: none. */
  deadLetterQueue: string
}

/** A connection handle (MQCONNX) and what is asked of it while it is set up. Every verb blocks the thread. */
export class MqiConnection {
  readonly mq: MqPackage
  readonly queueManager: string
  readonly applicationName: string
  readonly handle: ConnectionHandle

  /** Throws MQ_UNREACHABLE, MQ_QUEUE_MANAGER_UNKNOWN, MQ_CHANNEL_UNSUITABLE, MQ_AUTHORIZATION, MQ_CALL_FAILED. */
  constructor(mq: MqPackage, options: MqConnectionOptions, applicationName: string) {
    this.mq = mq
    this.queueManager = options.queueManager
    this.applicationName = applicationName
    this.handle = this.call<ConnectionHandle>('MQCONNX', options.queueManager, done =>
      mq.ConnxSync(options.queueManager, connectOptions(mq, options, applicationName), done)
    )
  }

  /** Throws MQ_QUEUE_MISSING, MQ_QUEUE_IN_USE, MQ_AUTHORIZATION and others. */
  open(name: string, options: number): ObjectHandle {
    const od = new this.mq.MQOD()
    od['ObjectName'] = name
    return this.call<ObjectHandle>('MQOPEN', `queue ${name}`, done => this.mq.OpenSync(this.handle, od, options, done))
  }

  close(object: ObjectHandle): void {
    this.mq.CloseSync(object, 0, () => {})
  }

  manager(): ManagerAttributes {
    const { mq } = this
    const od = new mq.MQOD()
    od['ObjectType'] = mq.MQC['MQOT_Q_MGR']
    const object = this.call<ObjectHandle>('MQOPEN', this.queueManager, done =>
      mq.OpenSync(this.handle, od, mq.MQC['MQOO_INQUIRE']!, done)
    )
    const [id, name, maxUncommitted, deadLetterQueue] = this.inquire(object, this.queueManager, [
      'MQCA_Q_MGR_IDENTIFIER',
      'MQCA_Q_MGR_NAME',
      'MQIA_MAX_UNCOMMITTED_MSGS',
      'MQCA_DEAD_LETTER_Q_NAME'
    ])
    this.close(object)
    return {
      id: String(id).trim(),
      name: String(name).trim(),
      maxUncommitted: Number(maxUncommitted),
      deadLetterQueue: String(deadLetterQueue).trim()
    }
  }

  queue(object: ObjectHandle, name: string): QueueAttributes {
    const [threshold, queue, depth, messageBytesMax, inhibit, share, harden] = this.inquire(object, `queue ${name}`, [
      'MQIA_BACKOUT_THRESHOLD',
      'MQCA_BACKOUT_REQ_Q_NAME',
      'MQIA_CURRENT_Q_DEPTH',
      'MQIA_MAX_MSG_LENGTH',
      'MQIA_INHIBIT_GET',
      'MQIA_SHAREABILITY',
      'MQIA_HARDEN_GET_BACKOUT'
    ])
    return {
      threshold: Number(threshold),
      queue: String(queue).trim(),
      depth: Number(depth),
      messageBytesMax: Number(messageBytesMax),
      getInhibited: Number(inhibit) !== 0,
      shareable: Number(share) !== 0,
      hardenBackout: Number(harden) !== 0
    }
  }

  /** MQBACK first: MQDISC alone would commit what is open. Throws nothing. */
  disconnect(): void {
    this.mq.Back(this.handle, () => {})
    this.mq.DiscSync(this.handle, () => {})
  }

  /** Runs a verb. A warning is no failure where `warnings` says so. Throws as verbError. */
  call<T>(verb: string, what: string, run: (done: Done<T>) => void): T {
    let failure: MqError | null = null
    let result: T | undefined
    run((error, value) => {
      failure = error
      result = value
    })
    // Typescript does not see that the callback has run.
    const seen = failure as MqError | null
    if (seen !== null) throw verbError(verb, what, seen.mqrc)
    return result as T
  }

  private inquire(object: ObjectHandle, what: string, names: readonly string[]): unknown[] {
    const { mq } = this
    const attributes = names.map(name => new mq.MQAttr(mq.MQC[name]!))
    this.call('MQINQ', what, done => mq.Inq(object, attributes, done))
    return attributes.map(({ value }) => value)
  }
}

function connectOptions(mq: MqPackage, options: MqConnectionOptions, applicationName: string): object {
  const { MQC } = mq
  const cno = new mq.MQCNO()
  // Reconnection is ours: a new connection is a new unit of work, and needs a new claim.
  cno['Options'] = MQC['MQCNO_RECONNECT_DISABLED']
  cno['ApplName'] = applicationName.slice(0, 28)
  if (options.ccdtUrl !== undefined) cno['CCDTUrl'] = options.ccdtUrl
  if (options.channel !== undefined) {
    cno['Options'] = MQC['MQCNO_RECONNECT_DISABLED']! | MQC['MQCNO_CLIENT_BINDING']!
    cno['ClientConn'] = channelDefinition(mq, options)
  }
  if (options.user !== undefined) {
    const csp = new mq.MQCSP()
    csp['UserId'] = options.user
    csp['Password'] = options.password ?? ''
    cno['SecurityParms'] = csp
  }
  if (options.tls?.keyRepository !== undefined) {
    const sco = new mq.MQSCO()
    sco['KeyRepository'] = options.tls.keyRepository
    if (options.tls.keyRepositoryPassword !== undefined) sco['KeyRepoPassword'] = options.tls.keyRepositoryPassword
    if (options.tls.certificateLabel !== undefined) sco['CertificateLabel'] = options.tls.certificateLabel
    cno['SSLConfig'] = sco
  }
  return cno
}

function channelDefinition(mq: MqPackage, { channel, name, tls }: MqConnectionOptions): object {
  const cd = new mq.MQCD()
  cd['ChannelName'] = channel
  cd['ConnectionName'] = name ?? 'localhost(1414)'
  // The longest message the channel may carry; the queue manager's own channel limits it too.
  cd['MaxMsgLength'] = 104_857_600
  if (tls !== undefined) {
    cd['SSLCipherSpec'] = tls.cipherSpec
    if (tls.peerName !== undefined) cd['SSLPeerName'] = tls.peerName
  }
  return cd
}
