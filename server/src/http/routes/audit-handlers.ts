// The routes of the audit trail.
import { limits, type Audit, type AuditHead } from '@keyhold/contract'
import type { AuditAction } from '@keyhold/core'
import { listAudits, listCheckpoints, refuseUnknownTenant } from '../../access/read-audits.ts'
import type { AuditRow } from '../../store/audits.ts'
import type { Store } from '../../store/store.ts'
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
    query: PageQuery,
  ) {
    const { audits, after, forged, authenticTo } = await listAudits(reads, tenantId, placeOf(query))
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

function nextOf(after: number | undefined): { next?: string } {
  return after === undefined ? {} : { next: String(after) }
}

function auditWire(row: AuditRow): Audit {
  return {
    ...(row.tenantId !== undefined && { tenantId: row.tenantId }),
    sequence: row.sequence,
    id: row.id,
    at: row.at.toISOString(),
    actor: { id: row.actorId, ...(row.actorRole !== undefined && { role: row.actorRole }) },
    // Any stored text is shown, even if somebody has changed it, because a verification needs exactly the stored text.
    action: row.action as AuditAction,
    target: { kind: row.targetKind, id: row.targetId },
    ...(row.traceId !== undefined && { traceId: row.traceId }),
    details: row.details,
    hash: row.hash.toString('hex'),
  }
}
