// Deletions of tenants that are under way: who has the claim, and how far they have come. destructions.ts has the rest of
// their rows.
import { sql } from 'kysely'
import type { CipherkeyPosition } from './cipherkeys/cipherkeys.ts'
import type { Database } from './database.ts'
import { count, jsonReader, members, text, valueOf, type JsonForm } from './json-column.ts'

/** How far the deletion of a tenant's cipherkeys has come. */
export interface TenantDeletionProgress {
  /** The last one that is deleted; absent before the first. */
  after?: CipherkeyPosition
  count: number
  dataKeys: number
  /** How many key names have ended. */
  keyNames: number
  /** Of keyring/identity-digest.ts, in base64. */
  digestState: string
}

export interface ClaimedTenantDeletion {
  /** Undefined: it has not begun. */
  progress: TenantDeletionProgress | undefined
  /** The record's description of the tenant, as it was given to `begin` and `save`. */
  described: Readonly<Record<string, unknown>>
}

// A replica that dies leaves its claim for this long.
const claimSeconds = 30

const position: JsonForm<CipherkeyPosition> = members({ dataKeyId: text, version: count })
const readProgress = jsonReader<TenantDeletionProgress>(
  'destructions.progress',
  members({ count, dataKeys: count, keyNames: count, digestState: text }, { after: position }),
  'ERR_INTERNAL',
)
const readDescribed = jsonReader<Record<string, unknown>>(
  'destructions.described',
  members({}),
  'ERR_INTERNAL',
)

const claimedUntil = (seconds: number) => sql<Date>`now() + make_interval(secs => ${seconds})`

export function tenantDeletionQueries(db: Database) {
  const update = (id: string) =>
    db
      .updateTable('destructions')
      .where('id', '=', id)
      .where('kind', '=', 'tenant')
      .where('cancelled_at', 'is', null)
      .where('destroyed_at', 'is', null)

  return {
    /** Claims an open deletion for one run; undefined when another run has it, or it has ended. */
    async claim(id: string, claimId: string): Promise<ClaimedTenantDeletion | undefined> {
      const row = await update(id)
        .set({ claimed_by: claimId, claimed_until: claimedUntil(claimSeconds) })
        .where(sql<boolean>`coalesce(claimed_until <= now(), true)`)
        .returning(['progress', 'described'])
        .executeTakeFirst()
      return (
        row && {
          progress: valueOf(readProgress(row.progress, id)),
          described: valueOf(readDescribed(row.described, id)) ?? {},
        }
      )
    },

    /** Stores that the deletion has begun. Answers false, as the next ones do, when the run has lost its claim. */
    async begin(
      id: string,
      claimId: string,
      progress: TenantDeletionProgress,
      described: object,
    ): Promise<boolean> {
      const row = await update(id)
        .set({
          begun_at: sql<Date>`now()`,
          progress: JSON.stringify(progress),
          described: JSON.stringify(described),
        })
        .where('claimed_by', '=', claimId)
        .where('begun_at', 'is', null)
        .returning('id')
        .executeTakeFirst()
      return row !== undefined
    },

    /** Stores how far it has come, and renews the claim. Without `described` that stays as it is. */
    async save(
      id: string,
      claimId: string,
      progress: TenantDeletionProgress,
      described?: object,
    ): Promise<boolean> {
      const row = await update(id)
        .set({
          progress: JSON.stringify(progress),
          claimed_until: claimedUntil(claimSeconds),
          ...(described !== undefined && { described: JSON.stringify(described) }),
        })
        .where('claimed_by', '=', claimId)
        .returning('id')
        .executeTakeFirst()
      return row !== undefined
    },

    /** Gives up the claim; nobody claims the deletion until `pauseSeconds` have passed. */
    async giveUp(id: string, claimId: string, pauseSeconds: number): Promise<void> {
      await update(id)
        .set({ claimed_by: null, claimed_until: claimedUntil(pauseSeconds) })
        .where('claimed_by', '=', claimId)
        .execute()
    },
  }
}
