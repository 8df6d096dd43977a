import { plainJson, type PlainRecord } from '../display/plain-record.ts'

/**
 * Records as text for snapshots: `t.assert.snapshot(records, {serializers: [recordsText]})`. Numbers keep all their digits,
 * which JSON.stringify would refuse (bigint).
 */
export function recordsText(records: readonly PlainRecord[] | object): string {
  return plainJson(records, 2)
}
