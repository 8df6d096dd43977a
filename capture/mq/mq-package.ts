import { createRequire } from 'node:module'
import { join } from 'node:path'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'

/** What is used of the npm package `ibmmq` (its own types/ has the whole). Callbacks of ...Sync are called before it returns. */
export interface MqPackage {
  MQC: Readonly<Record<string, number>>
  MQCNO: new () => Record<string, unknown>
  MQCD: new () => Record<string, unknown>
  MQCSP: new () => Record<string, unknown>
  MQSCO: new () => Record<string, unknown>
  MQOD: new () => Record<string, unknown>
  MQMD: new () => RawDescriptor
  MQGMO: new () => RawGetOptions
  MQPMO: new () => Record<string, unknown>
  MQAttr: new (selector: number) => { selector: number; value: unknown }
  ConnxSync(name: string, cno: object, done: Done<ConnectionHandle>): void
  DiscSync(connection: ConnectionHandle, done: Done<void>): void
  OpenSync(connection: ConnectionHandle, od: object, options: number, done: Done<ObjectHandle>): void
  CloseSync(object: ObjectHandle, options: number, done: Done<void>): void
  GetSync(object: ObjectHandle, md: object, gmo: object, buffer: Buffer, done: Done<number>): void
  PutSync(object: ObjectHandle, md: object, pmo: object, body: Buffer, done: Done<void>): void
  Inq(object: ObjectHandle, attributes: object[], done: Done<unknown>): void
  Cmit(connection: ConnectionHandle, done: Done<void>): void
  Back(connection: ConnectionHandle, done: Done<void>): void
}

export type Done<T> = (error: MqError | null, value: T) => void
export interface MqError extends Error {
  mqcc: number
  mqrc: number
}
export type ConnectionHandle = object & { readonly __brand: 'hConn' }
export type ObjectHandle = object & { readonly __brand: 'hObj' }

/** MQMD as the package has it. */
export interface RawDescriptor {
  MsgId: Buffer
  CorrelId: Buffer
  GroupId: Buffer
  MsgSeqNumber: number
  MsgFlags: number
  CodedCharSetId: number
  Encoding: number
  Format: string | null
  Priority: number
  Persistence: number
  Expiry: number
  MsgType: number
  Feedback: number
  Report: number
  BackoutCount: number
  PutDate: string | null
  PutTime: string | null
  ReplyToQ: string | null
  ReplyToQMgr: string | null
  UserIdentifier: string | null
  PutApplName: string | null
}

export interface RawGetOptions {
  Options: number
  WaitInterval: number
  MatchOptions: number
  GroupStatus: string
}

/**
 * Loads `ibmmq`: from the directory in TIDEMARK_MQ_PACKAGE, beside this package, or beside the configuration file. It must
 * be loaded once in a process and by its main thread only. Throws MQ_CLIENT_MISSING.
 */
export function loadMqPackage(environment: NodeJS.ProcessEnv, besideFile: string): MqPackage {
  // Each verb makes an Error even when all went well; its stack trace would cost more than the verb.
  Error.stackTraceLimit = 0
  const named = environment['TIDEMARK_MQ_PACKAGE']
  const attempts = named === undefined ? [import.meta.filename, besideFile] : [join(named, 'package.json')]
  let cause: unknown
  for (const from of attempts) {
    try {
      return createRequire(from)(named ?? 'ibmmq') as MqPackage
    } catch (error) {
      // Of a package that is there and does not load, rather than of one that is not.
      if (cause === undefined || (error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') cause = error
    }
  }
  const absent = (cause as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND'
  throw new TidemarkError('MQ_CLIENT_MISSING', {
    message: absent
      ? 'the npm package `ibmmq` is not installed'
      : 'the npm package `ibmmq` cannot load the MQ client library',
    cause
  })
}
