// The routes of setup links.
import type { SetupLink } from '@keyhold/contract'
import { KeyholdError } from '@keyhold/core'
import type { OriginOf } from '../../../people/browser/browser-origin.ts'
import { createSetupLink, deleteSetupLink } from '../../../people/links/setup-links.ts'
import type { SetupLinkRow } from '../../../store/sessions/setup-links.ts'
import type { Store } from '../../../store/store.ts'
import type { Handlers } from '../../server/handler.ts'
import { actorOf } from '../../wire/actor-of.ts'
import { cutPage, pageOf } from '../../wire/page-wire.ts'
import { wireSeconds } from '../../wire/wire-time.ts'

const linkIdForm = /^[0-9a-z]{16}$/
const usualSeconds = 604_800
const msOfSecond = 1_000

export interface SetupLinkParts {
  store: Store
  originOf: OriginOf
  /** Receives the id of an API key that is revoked. */
  endApiKey: (apiKeyId: string) => void
  /** Keeps outside of the database that API keys of the tenant were revoked. */
  keepRevocation: (tenantId: string) => Promise<void>
}

export function setupLinkHandlers({
  store,
  originOf,
  endApiKey,
  keepRevocation,
}: SetupLinkParts): Pick<Handlers, 'createSetupLink' | 'listSetupLinks' | 'deleteSetupLink'> {
  return {
    async createSetupLink(call) {
      const { intent, expiresInSeconds = usualSeconds, maxUses = 1 } = call.body
      const tenantId = call.body.tenantId ?? call.caller.tenantId
      if (tenantId === undefined)
        throw new KeyholdError('ERR_INVALID_REQUEST', { message: 'A setup link needs a tenantId.' })
      const own = originOf(call.browser().host)
      if (own === undefined) throw new KeyholdError('ERR_PUBLIC_URL_NOT_SET')
      const request = { tenantId, intent, maxUses, lifeMs: expiresInSeconds * msOfSecond }
      const { link, secret, endedApiKeyIds } = await createSetupLink(store, request, actorOf(call))
      for (const id of endedApiKeyIds) endApiKey(id)
      if (endedApiKeyIds.length > 0) await keepRevocation(tenantId)
      return { status: 201, body: { ...linkWire(link), url: `${own.origin}/console/setup#${secret}` } }
    },

    async listSetupLinks({ query, caller: { tenantId } }) {
      const page = pageOf(query)
      const { rows, next } = cutPage(await store.setupLinks.list(page, tenantId), page)
      return { status: 200, body: { setupLinks: rows.map(linkWire), ...next } }
    },

    async deleteSetupLink(call) {
      const { setupLinkId: id } = call.params
      if (!linkIdForm.test(id)) throw new KeyholdError('ERR_SETUP_LINK_NOT_FOUND')
      const request = { id, tenantId: call.caller.tenantId }
      const { apiKeyId, tenantId } = await deleteSetupLink(store, request, actorOf(call))
      endApiKey(apiKeyId)
      await keepRevocation(tenantId)
      return { status: 204, body: null }
    },
  }
}

function linkWire({
  id,
  tenantId,
  intent,
  createdAt,
  createdBy,
  expiresAt,
  uses,
  maxUses,
}: SetupLinkRow): SetupLink {
  const times = { createdAt: wireSeconds(createdAt), expiresAt: wireSeconds(expiresAt) }
  return { id, tenantId, intent, ...times, createdBy, uses, maxUses }
}
