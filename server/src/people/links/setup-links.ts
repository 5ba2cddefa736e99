// Setup links: with one a customer sets a key up without an account. One lives at a time for each tenant and intent. The secret
// exists in the answer alone.
import { KeyholdError } from '@keyhold/core'
import { encodeCheckedText, generateCheckedText, hashCheckedText } from '../../access/checked-text.ts'
import { insertApiKey } from '../../access/create-api-key.ts'
import { makerOf, refuseBeyondQuota, refuseToChangeWider, refuseWider } from '../../access/key-maker.ts'
import type { Actor } from '../../store/audits.ts'
import type { SetupLinkRow } from '../../store/sessions/setup-links.ts'
import type { Store } from '../../store/store.ts'

export interface SetupLinkRequest extends Pick<SetupLinkRow, 'tenantId' | 'intent' | 'maxUses'> {
  lifeMs: number
}

export interface MadeSetupLink {
  link: SetupLinkRow
  secret: string
  /** The API keys of links that it has replaced. */
  endedApiKeyIds: string[]
}

/**
 * @throws KeyholdError `ERR_TENANT_NOT_FOUND`, `ERR_API_KEY_TOO_WIDE` where the actor may not give so much, `ERR_API_KEY_QUOTA`,
 * `ERR_REPLICAS_OLDER`
 */
export function createSetupLink(
  store: Store,
  { tenantId, intent, maxUses, lifeMs }: SetupLinkRequest,
  actor: Actor,
): Promise<MadeSetupLink> {
  return store.withFenceShared(tenantId, async (transaction, fence) => {
    if (fence === undefined) throw new KeyholdError('ERR_TENANT_NOT_FOUND')
    const { apiKeys, setupLinks, macs } = transaction
    // Alone: of two at once each would leave the other one alive.
    await apiKeys.holdScopeOf(tenantId)
    await transaction.confirmActor(actor)
    const maker = await makerOf(transaction, actor)
    refuseWider(maker, { role: 'setup', tenantId, scopes: undefined })
    const before = await setupLinks.listOf(tenantId, intent)
    for (const { id, apiKeyId } of before) {
      await apiKeys.delete(apiKeyId)
      await setupLinks.delete(id)
      transaction.audit({
        ...{ tenantId, actor, action: 'setuplink.end', targetId: id },
        details: { reason: 'replaced' },
      })
    }
    await refuseBeyondQuota(transaction, maker)
    const { row } = await insertApiKey(
      transaction,
      { ...{ role: 'setup', tenantId, lifeMs, scopes: undefined, addresses: undefined }, name: 'setup link' },
      { createdBy: actor.id, responsible: maker.responsible, predecessorId: undefined },
    )
    const text = generateCheckedText((start) => macs.tagOf('linkId', start))
    const link = await setupLinks.insert({
      ...{ id: text.id, tenantId, intent, apiKeyId: row.id, secretHash: hashCheckedText('khl', text) },
      ...{ createdBy: actor.id, maxUses },
      expiresAt: row.expiresAt ?? row.createdAt,
    })
    transaction.audit({
      ...{ tenantId, actor, action: 'setuplink.create', targetId: link.id },
      details: { intent, maxUses: String(maxUses), expiresAt: link.expiresAt.toISOString() },
    })
    return {
      ...{ link, secret: encodeCheckedText('khl', text) },
      endedApiKeyIds: before.map(({ apiKeyId }) => apiKeyId),
    }
  })
}

/**
 * Withdraws a link, and with it the sessions that it began.
 *
 * @param tenantId - undefined: of any tenant
 * @returns the id of its API key, and its tenant
 * @throws KeyholdError `ERR_SETUP_LINK_NOT_FOUND`, `ERR_API_KEY_TOO_WIDE`
 */
export function deleteSetupLink(
  store: Pick<Store, 'transaction'>,
  { id, tenantId }: { id: string; tenantId: string | undefined },
  actor: Actor,
): Promise<Pick<SetupLinkRow, 'apiKeyId' | 'tenantId'>> {
  return store.transaction(async (transaction) => {
    const link = await transaction.setupLinks.find(id)
    // A foreign link looks like one that never existed.
    if (link === undefined || (tenantId !== undefined && link.tenantId !== tenantId))
      throw new KeyholdError('ERR_SETUP_LINK_NOT_FOUND')
    await transaction.apiKeys.holdScopeOf(link.tenantId)
    await transaction.confirmActor(actor)
    await refuseToChangeWider(transaction, link.apiKeyId, actor)
    await transaction.apiKeys.delete(link.apiKeyId)
    await transaction.setupLinks.delete(id)
    transaction.audit({
      ...{ tenantId: link.tenantId, actor, action: 'setuplink.end', targetId: id },
      details: { reason: 'withdrawn' },
    })
    return link
  })
}
