// Deletions of tenants that are under way: who has the claim, and how far they have come. destructions.ts has the rest of
// their rows.
import { sql } from 'kysely'
import type { Authentic, RowMacs } from '../authentic/row-macs.ts'
import type { Database } from '../database.ts'
import type { HeldFence } from '../fence/held-fence.ts'
import {
  destructionColumns,
  fromRow,
  type DestructionRow,
  type StoredDestruction,
} from './destruction-row.ts'
import { readState, stateDigest, type TenantDeletionState } from './tenant-deletion-state.ts'
import { heldOf } from '../fence/rewrite-row.ts'
import { lockOpen, writeDestruction } from './write-destruction.ts'

export interface TenantDeletionClaim {
  id: string
  tenantId: string
  claimId: string
}

// A replica that dies leaves its claim for this long.
const claimSeconds = 30

const claimedUntil = (seconds: number) => sql<Date>`now() + make_interval(secs => ${seconds})`

export interface TenantDeletionQueryParts {
  macs: RowMacs
  /** The fence that the transaction holds alone, if any. */
  held: HeldFence | undefined
}

export function tenantDeletionQueries(db: Database, parts: TenantDeletionQueryParts) {
  const { macs, held } = parts
  const update = (id: string) =>
    db
      .updateTable('destructions')
      .where('id', '=', id)
      .where('kind', '=', 'tenant')
      .where('cancelled_at', 'is', null)
      .where('destroyed_at', 'is', null)

  function checkDigest(row: StoredDestruction, state: TenantDeletionState): void {
    if (!macs.requiresMacs() && row.cipherkeys_digest === null) return
    if (row.cipherkeys_digest?.equals(stateDigest(state)) !== true) macs.reject('destruction', row, 'forged')
  }

  /** Locks a deletion that this run has claimed; undefined: it has lost its claim. */
  async function lockClaimed({
    id,
    tenantId,
    claimId,
  }: TenantDeletionClaim): Promise<Authentic<StoredDestruction> | undefined> {
    const claimed = await update(id)
      .set({ claimed_until: claimedUntil(claimSeconds) })
      .where('claimed_by', '=', claimId)
      .returning('id')
      .executeTakeFirst()
    return claimed && lockOpen(db, parts, tenantId, id)
  }

  return {
    /**
     * Claims an open deletion for one run; undefined when another run has it, or it has ended.
     *
     * @returns undefined in place of the state: it has not begun
     * @throws KeyholdError `ERR_RECORD_NOT_AUTHENTIC`
     */
    async claim(
      id: string,
      claimId: string,
    ): Promise<{ state: TenantDeletionState | undefined } | undefined> {
      const claimed = await update(id)
        .set({ claimed_by: claimId, claimed_until: claimedUntil(claimSeconds) })
        .where(sql<boolean>`coalesce(claimed_until <= now(), true)`)
        .returning([...destructionColumns, 'progress', 'described'])
        .executeTakeFirst()
      if (claimed === undefined) return undefined
      const row = macs.verify('destruction', claimed)
      if (row.begun_at === null) return { state: undefined }
      const state = readState(row)
      checkDigest(row, state)
      return { state }
    },

    /**
     * Stores that the deletion has begun. Answers undefined, as the next ones do, when the run has lost its claim. Call it
     * under the tenant's fence.
     */
    async begin(claim: TenantDeletionClaim, state: TenantDeletionState): Promise<DestructionRow | undefined> {
      const row = await lockClaimed(claim)
      if (row?.begun_at !== null) return undefined
      const begun = { begun_at: heldOf(held, claim.tenantId).now, cipherkeys_digest: stateDigest(state) }
      const written = await writeDestruction(db, parts, row, begun, {
        progress: JSON.stringify(state.progress),
        described: JSON.stringify(state.described),
      })
      return fromRow(macs, written)
    },

    /**
     * Locks a deletion that has begun, and renews the claim. Call it under the fence of the tenant, which ends.
     *
     * @param state - as this run stored it last
     * @throws KeyholdError `ERR_RECORD_NOT_AUTHENTIC`
     */
    async lockBegun(
      claim: TenantDeletionClaim,
      state: TenantDeletionState,
    ): Promise<DestructionRow | undefined> {
      const fence = heldOf(held, claim.tenantId).row
      if (fence === undefined) throw new TypeError(`destruction ${claim.id}: its tenant is gone`)
      const row = await lockClaimed(claim)
      if (row === undefined) return undefined
      // Either without the other is of another time.
      if (row.begun_at === null || fence.ending_at === null) {
        macs.reject('destruction', row, 'older')
        return undefined
      }
      checkDigest(row, state)
      return fromRow(macs, row)
    },

    /** Stores how far it has come, after `lockBegun`. The description is written only where it is another one. */
    async save(
      { id, tenantId }: TenantDeletionClaim,
      before: TenantDeletionState,
      state: TenantDeletionState,
    ): Promise<void> {
      const row = await lockOpen(db, parts, tenantId, id)
      if (row === undefined) throw new TypeError(`destruction ${id} is not open`)
      await writeDestruction(
        db,
        parts,
        row,
        { cipherkeys_digest: stateDigest(state) },
        {
          progress: JSON.stringify(state.progress),
          ...(state.described !== before.described && { described: JSON.stringify(state.described) }),
        },
      )
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
