import type pg from 'pg'

/** server_version_num: 180004 is 18.4. */
export async function serverVersion(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ version: number }>(
    "SELECT current_setting('server_version_num')::int AS version"
  )
  return rows[0]!.version
}
