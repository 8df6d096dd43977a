import type { ErrorCode } from '@tidemark/schemas/error-codes.ts'
import type { Finding, Severity } from '../finding.ts'
import { quoteIdentifier } from '../postgres/identifier.ts'
import type { OpenWriter, RoleFacts, ServerFacts } from '../postgres/inspection.ts'

/** Logical messages in pgoutput came with it (manual 53.5.1). */
const versionMin = 140_000

/**
 * What of the server would keep a subscription from working, or endanger the server. `slotExists`: no new slot is needed;
 * `copiesSlot`: a further one is, for a moment at each start, with a walsender.
 */
export function serverFindings(server: ServerFacts, slotExists: boolean, copiesSlot = false): Finding[] {
  const findings: Finding[] = []
  const found = (severity: Severity, what: string, remedy: string) =>
    findings.push({ code: 'POSTGRES_SETTING', severity, what, place: `PostgreSQL ${server.versionText}`, remedy })

  if (server.version < versionMin) found('error', 'PostgreSQL 14 or newer is needed', 'upgrade the server')
  if (server.inRecovery) {
    found('error', 'the server is a standby: no publication can be made there', 'point `postgres.url` at the primary')
  }
  if (server.walLevel !== 'logical') {
    const what = `wal_level is ${server.walLevel}: changes cannot be decoded`
    found('error', what, "ALTER SYSTEM SET wal_level = 'logical';  -- then restart the server")
  }
  if (!slotExists && server.usedReplicationSlots >= server.maxReplicationSlots) {
    const what = `all ${server.maxReplicationSlots} replication slots are taken (max_replication_slots)`
    found('error', what, raised('max_replication_slots', server.maxReplicationSlots))
  }
  if (copiesSlot) findings.push(...copyFindings(server, slotExists))
  if (server.usedWalSenders >= server.maxWalSenders) {
    const what = `all ${server.maxWalSenders} replication connections are taken (max_wal_senders)`
    // The agent of this subscription may be the one that holds the last.
    found(slotExists ? 'warning' : 'error', what, raised('max_wal_senders', server.maxWalSenders))
  }
  if (server.maxSlotWalKeepMb < 0) {
    const what =
      'max_slot_wal_keep_size is unlimited: while no agent runs, the slot keeps all WAL and may fill the disk'
    found(
      'warning',
      what,
      "ALTER SYSTEM SET max_slot_wal_keep_size = '50GB'; SELECT pg_reload_conf();  -- what the disk can spare"
    )
  }
  if (server.walSenderTimeoutMs === 0) {
    const what = 'wal_sender_timeout is 0: a slot whose agent vanished with its machine stays taken'
    found('warning', what, "ALTER SYSTEM SET wal_sender_timeout = '60s'; SELECT pg_reload_conf();")
  }
  return findings
}

/** What else is taken is told besides. Of the replication connections the agent of this subscription may hold one. */
function copyFindings(server: ServerFacts, slotExists: boolean): Finding[] {
  const { maxReplicationSlots, usedReplicationSlots, maxWalSenders, usedWalSenders, versionText } = server
  const found = (what: string, remedy: string): Finding => ({
    code: 'POSTGRES_SETTING',
    severity: 'warning',
    what: `lookups in captured tables read the log by a temporary slot at each start: ${what}`,
    place: `PostgreSQL ${versionText}`,
    remedy
  })
  const findings: Finding[] = []
  const slotsLeft = maxReplicationSlots - usedReplicationSlots
  if (slotExists ? slotsLeft < 1 : slotsLeft === 1) {
    findings.push(
      found(
        `no replication slot is left for it (max_replication_slots is ${maxReplicationSlots})`,
        raised('max_replication_slots', maxReplicationSlots)
      )
    )
  }
  if (maxWalSenders - usedWalSenders === 1) {
    const what = `one replication connection is left (max_wal_senders is ${maxWalSenders}), where an agent that starts needs two`
    findings.push(found(what, raised('max_wal_senders', maxWalSenders)))
  }
  return findings
}

function raised(setting: string, from: number): string {
  return `ALTER SYSTEM SET ${setting} = ${from + 4};  -- then restart the server`
}

/** What the role may not do, and what it may do more than it needs. `publicationExists`: it need not make one. */
export function roleFindings(role: RoleFacts, publicationExists: boolean): Finding[] {
  const name = quoteIdentifier(role.name)
  const findings: Finding[] = []
  const found = (severity: Severity, what: string, remedy: string) =>
    findings.push({ code: 'POSTGRES_PERMISSION', severity, what, place: `role ${role.name}`, remedy })

  if (!role.replication && !role.superuser) {
    found('error', `role ${role.name} may not replicate`, `ALTER ROLE ${name} REPLICATION;`)
  }
  if (!publicationExists && !role.createInDatabase && !role.superuser) {
    const remedy = `GRANT CREATE ON DATABASE ${quoteIdentifier(role.database)} TO ${name};  -- or let an owner make the publication`
    found('error', `role ${role.name} may not make a publication in database ${role.database}`, remedy)
  }
  if (role.superuser) {
    const what = `role ${role.name} is a superuser, which is more than Tidemark needs`
    found('info', what, 'use a role with LOGIN REPLICATION, and SELECT on the tables to be copied')
  } else if (role.replication) {
    const what = `role ${role.name} may replicate: with its password every row of every table can be read`
    const remedy = `guard it, and name the database in pg_hba.conf: hostssl ${role.database} ${role.name} <address>/32 scram-sha-256`
    found('info', what, remedy)
  }
  return findings
}

const patienceSeconds = 60

/** Transactions that a new slot has to wait for, when they have been open for long. */
export function writerFindings(writers: readonly OpenWriter[]): Finding[] {
  const code: ErrorCode = 'POSTGRES_SETTING'
  return writers
    .filter(writer => writer.prepared !== null || writer.ageSeconds > patienceSeconds)
    .map(writer => ({
      code,
      severity: 'warning',
      what: `${writerText(writer)} has been open for ${Math.round(writer.ageSeconds)} s: a new slot waits until it ends`,
      place: writer.database,
      remedy: writerRemedy(writer)
    }))
}

/** `transaction of pid 4711 (app, user bank)` */
export function writerText({ pid, prepared, applicationName, user }: OpenWriter): string {
  if (prepared !== null) return `prepared transaction ${prepared} (user ${user})`
  return `the transaction of pid ${pid} (${applicationName === '' ? '' : `${applicationName}, `}user ${user})`
}

function writerRemedy({ pid, prepared }: OpenWriter): string {
  if (prepared !== null) return 'commit or roll it back: COMMIT PREPARED, ROLLBACK PREPARED'
  return `wait for it, or end it: SELECT pg_terminate_backend(${pid});`
}
