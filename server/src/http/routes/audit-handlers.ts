// The routes of the audit trail.
import { limits, type AuditHead } from '@keyhold/contract'
import { KeyholdError, type AuditAction } from '@keyhold/core'
import { listAudits, listCheckpoints, refuseUnknownTenant, searchAudits } from '../../access/read-audits.ts'
import type { AuditSearch } from '../../store/audits.ts'
import type { Store } from '../../store/store.ts'
import { auditWire } from '../wire/audit-wire.ts'
import type { Handlers } from '../server/handler.ts'

export interface AuditHandlerParts {
  store: Store
  /** Signs the head of a chain, which was compared with all that was signed before. */
  signHead: (tenantId: string | undefined) => Promise<AuditHead>
}

export function auditHandlers({
  store,
  signHead,
}: AuditHandlerParts): Pick<
  Handlers,
  | 'listAudits'
  | 'getAuditHead'
  | 'listAuditCheckpoints'
  | 'listInstallationAudits'
  | 'getInstallationAuditHead'
  | 'listAllAuditCheckpoints'
> {
  async function page(
    reads: Pick<Store, 'audits' | 'apiKeys'>,
    { tenantId, namesOf }: { tenantId: string | undefined; namesOf: string | undefined },
    query: SearchQuery,
  ) {
    const search = searchOf(query)
    const { audits, after, forged, authenticTo } =
      search === undefined
        ? await listAudits(reads, tenantId, placeOf(query))
        : await searchAudits(reads, tenantId, search)
    const ids = audits.flatMap(({ actorId, targetKind, targetId }) =>
      targetKind === 'api-key' ? [actorId, targetId] : [actorId],
    )
    const names = await reads.apiKeys.findNames([...new Set(ids)].filter(isApiKeyId), namesOf)
    return {
      audits: audits.map(auditWire),
      ...(names.size > 0 && { names: Object.fromEntries(names) }),
      ...(forged !== undefined && { forged }),
      ...(authenticTo !== undefined && { authenticTo }),
      ...nextOf(after),
    }
  }

  async function checkpointPage(
    reads: Pick<Store, 'auditCheckpoints'>,
    tenantId: string | undefined,
    query: PageQuery,
  ) {
    const { checkpoints, after } = await listCheckpoints(reads, tenantId, placeOf(query))
    return { checkpoints, ...nextOf(after) }
  }

  return {
    async listAudits({ tenantId, query }) {
      return { status: 200, body: await page(store, { tenantId, namesOf: tenantId }, query) }
    },

    async getAuditHead({ tenantId }) {
      return { status: 200, body: await signHead(tenantId) }
    },

    async listAuditCheckpoints({ tenantId, query }) {
      return { status: 200, body: await checkpointPage(store, tenantId, query) }
    },

    async listAllAuditCheckpoints({ query }) {
      const body = await store.readSnapshot(async (snapshot) => {
        if (query.tenantId !== undefined) await refuseUnknownTenant(snapshot, query.tenantId)
        return checkpointPage(snapshot, query.tenantId, query)
      })
      return { status: 200, body }
    },

    async listInstallationAudits({ query }) {
      const body = await store.readSnapshot(async (snapshot) => {
        if (query.tenantId !== undefined) await refuseUnknownTenant(snapshot, query.tenantId)
        return page(snapshot, { tenantId: query.tenantId, namesOf: undefined }, query)
      })
      return { status: 200, body }
    },

    async getInstallationAuditHead({ query: { tenantId } }) {
      if (tenantId !== undefined) {
        await store.readSnapshot((snapshot) => refuseUnknownTenant(snapshot, tenantId))
      }
      return { status: 200, body: await signHead(tenantId) }
    },
  }
}

const apiKeyIdForm = /^[0-9a-z]{16}$/

function isApiKeyId(text: string): boolean {
  return apiKeyIdForm.test(text)
}

interface PageQuery {
  limit?: string
  after?: string
}

function placeOf({ limit, after }: PageQuery): { after: number; limit: number } {
  return {
    after: Number(after ?? 0),
    limit: limit === undefined ? limits.defaultAuditsPerPage : Number(limit),
  }
}

interface SearchQuery extends PageQuery {
  order?: 'asc' | 'desc'
  action?: AuditAction
  actor?: string
  from?: string
  to?: string
}

/** Undefined: the chain as it is. */
function searchOf(query: SearchQuery): AuditSearch | undefined {
  const { order, action, actor: actorId, from, to, after } = query
  const isFiltered = [action, actorId, from, to].some((each) => each !== undefined)
  if (!isFiltered && order !== 'desc') return undefined
  // No record has the number 0: what follows it is all of them.
  const isFromStart = after === undefined || (Number(after) === 0 && order !== 'desc')
  return {
    ...{ action, actorId, from: timeOf(from, 'from'), to: timeOf(to, 'to'), order: order ?? 'asc' },
    ...{ after: isFromStart ? undefined : Number(after), limit: placeOf(query).limit },
  }
}

/** @throws KeyholdError `ERR_INVALID_REQUEST` for a day that no month has */
function timeOf(text: string | undefined, member: string): Date | undefined {
  if (text === undefined) return undefined
  const time = new Date(text)
  if (!Number.isNaN(time.getTime()) && time.toISOString().startsWith(text.slice(0, 19))) return time
  throw new KeyholdError('ERR_INVALID_REQUEST', {
    message: `The query's member /${member} is no moment of the calendar.`,
  })
}

function nextOf(after: number | undefined): { next?: string } {
  return after === undefined ? {} : { next: String(after) }
}
