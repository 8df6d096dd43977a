import {
  fieldsHeader,
  keysHeader,
  protectionVersion,
  typeText,
  versionHeader
} from '@tidemark/schemas/protection-headers.ts'
import type { FieldAlgorithm, FieldNote } from '@tidemark/schemas/protection-headers.ts'
import { ivBytes, type FieldPlace } from '@tidemark/schemas/protected-field.ts'
import type { Table } from '@tidemark/schemas/table.ts'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { fixedHeaders, HeaderWriter } from '../header-block.ts'
import type { HeaderBlock, RecordSink } from '../record-sink.ts'
import type { ColumnPlan } from '../routing/column-plan.ts'
import type { ColumnProtection } from '../rules.ts'
import type { ColumnProtector, OutputProtection } from './column-protector.ts'
import { DataKey } from './data-key.ts'
import { EnvelopeProtector } from './envelope-protector.ts'
import { RandomPool } from './field-writer.ts'
import { DeterministicProtector, RsaProtector, TokenProtector } from './keyed-protectors.ts'
import { HashProtector, MaskProtector } from './keyless-protectors.ts'
import { SubjectKeys } from './subject-keys.ts'
import { SubjectProtector } from './subject-protector.ts'
import type { ProtectionKey, ProtectionKeys, ReaderPublicKey } from './protection-keys.ts'

export interface ProtectionsOptions {
  keys: ProtectionKeys
  /** Milliseconds; data keys age by it. */
  now: () => number
  randomBytes: (length: number) => Buffer
  /** Where the data keys of subjects go, and in which topic; null: there are none. */
  subjects: { sink: RecordSink; topic: string } | null
}

const algorithms: Partial<Record<ColumnProtection['kind'], FieldAlgorithm>> = {
  encrypt: 'A256GCM',
  rsa: 'RSA-OAEP-256',
  deterministic: 'A256SIV',
  'encrypt-subject': 'A256GCM-SUBJECT'
}

/** Makes protectors for the columns of outputs; outputs share a key's data key. */
export class ColumnProtections {
  private readonly options: ProtectionsOptions
  private readonly ivs: RandomPool
  private readonly dataKeys = new Map<string, DataKey>()
  /** By key name. */
  private readonly subjectKeys = new Map<string, SubjectKeys>()

  constructor(options: ProtectionsOptions) {
    this.options = options
    this.ivs = new RandomPool(options.randomBytes, ivBytes)
  }

  /** For the output to `topic` of one version of a table. Throws KEY_INVALID for a key that is not there or not of use. */
  compile(table: Table, plan: ColumnPlan, topic: string): OutputProtection {
    const dataKeys = new Set<DataKey>()
    const notes: Record<string, FieldNote> = {}
    const protectors = plan.columns.map(({ source, protection }) => {
      if (protection === null) return null
      const column = table.columns[source]!
      const algorithm = algorithms[protection.kind]
      if (algorithm !== undefined && 'key' in protection) {
        const keys = protection.kind === 'encrypt-subject' ? { keys: this.subjectKeysOf(protection.key).topicName } : {}
        notes[column.name] = { key: protection.key, algorithm, type: typeText(column.type), ...keys }
      }
      if (protection.kind === 'encrypt') dataKeys.add(this.dataKey(protection.key))
      return this.protector(protection, table, { topic, table: table.qualifiedName, column: column.name })
    })
    return new CompiledProtection(protectors, [...dataKeys], { table: table.qualifiedName, fields: notes })
  }

  private protector(protection: ColumnProtection, table: Table, place: FieldPlace): ColumnProtector {
    switch (protection.kind) {
      case 'encrypt-subject': {
        const { key, subject } = protection
        const index = table.columns.findIndex(({ name }) => name === subject)
        if (index < 0) throw unknownSubject(subject, place)
        return new SubjectProtector({
          keys: this.subjectKeysOf(key),
          ivs: this.ivs,
          place,
          subject: { name: subject, index }
        })
      }
      case 'encrypt':
        return new EnvelopeProtector(this.dataKey(protection.key), this.ivs, place)
      case 'rsa':
        return new RsaProtector(this.onlyReader(protection.key), place)
      case 'deterministic':
        return new DeterministicProtector(this.secret(protection.key))
      case 'tokenise':
        return new TokenProtector(this.secret(protection.key))
      case 'mask':
        return new MaskProtector(protection.keepLast, protection.character)
      case 'hash':
        return new HashProtector(protection.salt)
    }
  }

  private dataKey(name: string): DataKey {
    const known = this.dataKeys.get(name)
    if (known !== undefined) return known
    const key = this.key(name)
    if (key.readers.length === 0) throw unfit(name, 'encrypt', 'has no public key', 'give it `publicKey: FILE`')
    const { now, randomBytes } = this.options
    const dataKey = new DataKey({ key, now, randomBytes })
    this.dataKeys.set(name, dataKey)
    return dataKey
  }

  private subjectKeysOf(name: string): SubjectKeys {
    const known = this.subjectKeys.get(name)
    if (known !== undefined) return known
    const key = this.key(name)
    if (key.readers.length === 0) throw unfit(name, 'encrypt', 'has no public key', 'give it `publicKey: FILE`')
    const { now, randomBytes, subjects } = this.options
    if (subjects === null) throw new TidemarkError('INTERNAL', { message: 'there is no topic for keys of subjects' })
    const made = new SubjectKeys({ key, now, randomBytes, ...subjects })
    this.subjectKeys.set(name, made)
    return made
  }

  private onlyReader(name: string): ReaderPublicKey {
    const { readers } = this.key(name)
    if (readers.length === 1) return readers[0]!
    const cure = 'give it exactly one `publicKey`, or use `encrypt`, which serves many readers'
    throw unfit(name, 'rsa', `has ${readers.length} public keys`, cure)
  }

  private secret(name: string) {
    const { secret } = this.key(name)
    if (secret !== null) return secret
    throw unfit(
      name,
      'deterministic and tokenise',
      'has no secret key',
      'give it `secretKey: FILE`; a public key cannot make equal values equal'
    )
  }

  private key(name: string): ProtectionKey {
    const key = this.options.keys.get(name)
    if (key !== undefined) return key
    const known = [...this.options.keys.keys()].join(', ')
    throw new TidemarkError('KEY_INVALID', {
      message: `there is no key ${name} under \`encryption.keys\``,
      cure: known === '' ? 'add it' : `add it, or use one of: ${known}`
    })
  }
}

function unfit(name: string, use: string, fault: string, cure: string): TidemarkError {
  return new TidemarkError('KEY_INVALID', { message: `key ${name} ${fault}, which ${use} needs`, cure })
}

function unknownSubject(subject: string, { table, column }: FieldPlace): TidemarkError {
  return new TidemarkError('COLUMN_UNKNOWN', {
    message: `column ${subject}, the subject of ${column}, is no column of ${table}`,
    cure: 'name a column of the same table as `subject`'
  })
}

class CompiledProtection implements OutputProtection {
  readonly protectors: readonly (ColumnProtector | null)[]
  headers: HeaderBlock | null
  private readonly dataKeys: readonly DataKey[]
  private readonly fixed: HeaderBlock | null
  private generations = -1

  constructor(
    protectors: readonly (ColumnProtector | null)[],
    dataKeys: readonly DataKey[],
    notes: { table: string; fields: Readonly<Record<string, FieldNote>> }
  ) {
    this.protectors = protectors
    this.dataKeys = dataKeys
    const none = Object.keys(notes.fields).length === 0
    this.fixed = none
      ? null
      : fixedHeaders({ [versionHeader]: protectionVersion, [fieldsHeader]: JSON.stringify(notes) })
    this.headers = this.fixed
  }

  turn(): void {
    const { dataKeys } = this
    let generations = 0
    for (let index = 0; index < dataKeys.length; index++) {
      dataKeys[index]!.turn()
      generations += dataKeys[index]!.generation
    }
    if (generations === this.generations || this.fixed === null) return
    this.generations = generations
    this.headers = this.withKeys(this.fixed)
  }

  private withKeys(fixed: HeaderBlock): HeaderBlock {
    if (this.dataKeys.length === 0) return fixed
    const notes = this.dataKeys.map(key => [key.id.toString('hex'), key.note])
    const writer = new HeaderWriter()
    writer.addAll(fixed)
    writer.add(Buffer.from(keysHeader), Buffer.from(JSON.stringify(Object.fromEntries(notes))))
    return writer
  }
}
