// The other side of a migration: the simplest loop. It has the same rows, wraps and chunks, and nothing else: it does not
// open new wraps, and it has no fence and no progress to resume from.
import type { TenantKey } from '@keyhold/core'
import type { Client } from 'pg'
import { rowWraps, type WrapName } from './row-wraps.ts'

const chunkRows = 1_000

export interface BareRewrap {
  source: TenantKey
  target: TenantKey
  /** The data key ids after `after` up to `upTo`, in the order of the primary key. */
  after: string
  upTo: string
  wraps: WrapName
}

interface Row {
  data_key_id: string
  version: number
  wrapped: Buffer
  key_name: string | null
  created_at: Date
}

/** Rewraps a range of a tenant's cipherkeys and answers how many. */
export async function bareRewrap(
  client: Client,
  { source, target, after, upTo, wraps: wrapName }: BareRewrap,
): Promise<number> {
  const { tenantId } = source
  const wraps = rowWraps[wrapName]
  let done = 0
  let position = after
  for (;;) {
    const { rows } = await client.query<Row>(
      `select data_key_id, version, wrapped, key_name, created_at from keyhold.cipherkeys
       where tenant_id = $1 and data_key_id > $2 and data_key_id <= $3 order by data_key_id limit ${chunkRows}`,
      [tenantId, position, upTo],
    )
    const last = rows.at(-1)
    if (last === undefined) return done
    const newWraps = rows.map((row) => {
      const ref = { tenantId, id: row.data_key_id, version: row.version }
      const facts = { keyName: row.key_name ?? undefined, createdAtMs: row.created_at.getTime() }
      return wraps.wrap(target, wraps.unwrap(source, ref, facts, row.wrapped), facts)
    })
    await client.query('begin')
    const { rowCount } = await client.query(
      `update keyhold.cipherkeys as c set wrapped = r.wrapped, tenant_key_version = $2
       from unnest($3::uuid[], $4::integer[], $5::bytea[]) as r (data_key_id, version, wrapped)
       where c.tenant_id = $1 and c.data_key_id = r.data_key_id and c.version = r.version`,
      [
        tenantId,
        target.version,
        rows.map((row) => row.data_key_id),
        rows.map((row) => row.version),
        newWraps,
      ],
    )
    await client.query('commit')
    done += rowCount ?? 0
    position = last.data_key_id
  }
}
