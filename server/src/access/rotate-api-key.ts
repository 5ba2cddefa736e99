// Replaces an API key: its successor may do the same and no more, and for a while both work.
import { KeyholdError } from '@keyhold/core'
import type { ApiKeyRow } from '../store/api-keys/api-keys.ts'
import type { Actor } from '../store/audits.ts'
import { hasEnded } from '../store/api-keys/api-keys.ts'
import type { Store } from '../store/store.ts'
import { defaultLifeMs, insertApiKey } from './create-api-key.ts'
import { makerOf, refuseBeyondQuota, refuseWider } from './key-maker.ts'

export interface RotationRequest {
  id: string
  /** Undefined: an operator rotates a key of any tenant. */
  tenantId: string | undefined
  /** For how long the key goes on working, if it does not end earlier. */
  overlapMs: number
  /** Default: as long as the key was made for; for one from a version before, the default of its role. */
  expiresInMs: number | 'none' | undefined
}

// Each leaves a row. A key that can make keys could use up the quota of its tenant with successors of itself.
const maxRotations = 10
const rotationsMs = 86_400_000

/**
 * @throws KeyholdError `ERR_API_KEY_NOT_FOUND`, also for one that has ended, `ERR_API_KEY_ROTATING` where its predecessor or its
 * successor is still valid, or after ten rotations within a day, `ERR_API_KEY_TOO_WIDE`, `ERR_REPLICAS_OLDER`, `ERR_RECORD_NOT_AUTHENTIC`
 */
export async function rotateApiKey(
  store: Store,
  { id, tenantId, overlapMs, expiresInMs }: RotationRequest,
  actor: Actor,
): Promise<{ row: ApiKeyRow; token: string }> {
  return store.transaction(async (transaction) => {
    const { apiKeys, clock } = transaction
    if (!(await apiKeys.isIn(id, tenantId))) throw new KeyholdError('ERR_API_KEY_NOT_FOUND')
    await apiKeys.holdScope(id)
    // Now, since a caller may rotate its own, which may end at once.
    await transaction.confirmActor(actor)
    const old = await apiKeys.find(id)
    const all = await apiKeys.listAll(old?.tenantId)
    const valid = all.filter((key) => !hasEnded(key, clock.now()))
    if (old === undefined || !valid.some((key) => key.id === id))
      throw new KeyholdError('ERR_API_KEY_NOT_FOUND')
    if (valid.some((key) => key.predecessorId === id || key.id === old.predecessorId)) {
      throw new KeyholdError('ERR_API_KEY_ROTATING')
    }
    refuseToRotateOften(old, all, clock.now())
    const maker = await makerOf(transaction, actor)
    // Whoever rotates his own key gets what he has.
    if (actor.id !== id) refuseWider(maker, old)
    await refuseBeyondQuota(transaction, maker)

    const overlapEnd = new Date(clock.now().getTime() + overlapMs)
    if (old.expiresAt === undefined || overlapEnd < old.expiresAt) await apiKeys.endEarlier(id, overlapEnd)
    const { role, name, scopes, addresses } = old
    const made = await insertApiKey(
      transaction,
      {
        ...{ role, name, scopes, addresses, tenantId: old.tenantId },
        lifeMs: lifeOf(old, expiresInMs),
      },
      { createdBy: actor.id, responsible: old.responsible ?? maker.responsible, predecessorId: id },
    )
    const overlapSeconds = String(Math.round(overlapMs / 1_000))
    transaction.audit({
      ...{ tenantId: old.tenantId, actor, action: 'apikey.rotate', targetId: made.row.id },
      details: {
        role,
        predecessorId: id,
        overlapSeconds,
        expiresAt: made.row.expiresAt?.toISOString() ?? 'none',
      },
    })
    return made
  })
}

/** @param all - the keys of its scope, also those that have ended */
function refuseToRotateOften(key: ApiKeyRow, all: readonly ApiKeyRow[], now: Date): void {
  const byId = new Map(all.map((each) => [each.id, each]))
  let rotations = 0
  for (
    let each: ApiKeyRow | undefined = key;
    each?.predecessorId !== undefined;
    each = byId.get(each.predecessorId)
  ) {
    if (now.getTime() - each.createdAt.getTime() > rotationsMs) return
    if (++rotations < maxRotations) continue
    throw new KeyholdError('ERR_API_KEY_ROTATING', {
      message: `The API key was rotated ${maxRotations} times within a day. Wait, or create a new one.`,
    })
  }
}

/** Undefined: the successor does not end by itself. */
function lifeOf(old: ApiKeyRow, expiresInMs: number | 'none' | undefined): number | undefined {
  const isOfBefore = old.createdBy === undefined
  const lifeMs = old.expiresAt && old.expiresAt.getTime() - old.createdAt.getTime()
  if (expiresInMs === undefined) return lifeMs ?? (isOfBefore ? defaultLifeMs(old.role) : undefined)
  if (lifeMs !== undefined && (expiresInMs === 'none' || expiresInMs > lifeMs)) {
    throw new KeyholdError('ERR_API_KEY_TOO_WIDE', {
      message: 'The successor would live longer than the key that it replaces was made for.',
    })
  }
  return expiresInMs === 'none' ? undefined : expiresInMs
}
