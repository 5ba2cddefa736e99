// Reads the audit trail of a tenant, a deleted one included, or of the installation itself.
import { KeyholdError } from '@keyhold/core'
import type { AuditSearch, ListedAudit } from '../store/audits.ts'
import type { Store } from '../store/store.ts'

export interface AuditPage {
  audits: ListedAudit[]
  /** The sequence number of the last record, where more follow. */
  after: number | undefined
  /** The first record of the chain on this page with a wrong MAC. */
  forged: number | undefined
  /** The last record before that one that has a right MAC: it vouches for all before it. */
  authenticTo: number | undefined
}

/**
 * Audit records in the order of their chain.
 *
 * @param tenantId - undefined: the installation's own
 */
export async function listAudits(
  { audits }: Pick<Store, 'audits'>,
  tenantId: string | undefined,
  { after, limit }: { after: number; limit: number },
): Promise<AuditPage> {
  return pageOf(await audits.list(tenantId, { after, limit: limit + 1 }), limit)
}

/** Records that a person asks for, in the order of time. @param tenantId - undefined: the installation's own */
export async function searchAudits(
  { audits }: Pick<Store, 'audits'>,
  tenantId: string | undefined,
  search: AuditSearch,
): Promise<AuditPage> {
  return pageOf(await audits.search(tenantId, { ...search, limit: search.limit + 1 }), search.limit)
}

function pageOf(rows: readonly ListedAudit[], limit: number): AuditPage {
  const page = rows.slice(0, limit)
  const sequences = (mac: ListedAudit['mac']) =>
    page.filter((row) => row.mac === mac).map(({ sequence }) => sequence)
  const wrong = sequences('wrong')
  const forged = wrong.length === 0 ? undefined : Math.min(...wrong)
  const right = sequences('right').filter((sequence) => forged === undefined || sequence < forged)
  return {
    audits: page,
    after: rows.length > limit ? page.at(-1)?.sequence : undefined,
    forged,
    authenticTo: right.length === 0 ? undefined : Math.max(...right),
  }
}

export interface CheckpointPage {
  checkpoints: { number: number; jws: string }[]
  /** The number of the last one, where more follow. */
  after: number | undefined
}

/** Checkpoints of a chain as they are stored, true or not: who reads them verifies them. */
export async function listCheckpoints(
  { auditCheckpoints }: Pick<Store, 'auditCheckpoints'>,
  tenantId: string | undefined,
  { after, limit }: { after: number; limit: number },
): Promise<CheckpointPage> {
  const rows = await auditCheckpoints.list(tenantId, { after, limit: limit + 1 })
  const page = rows.slice(0, limit).map(({ number, jws }) => ({ number, jws }))
  return { checkpoints: page, after: rows.length > limit ? page.at(-1)?.number : undefined }
}

/**
 * An empty chain of a tenant that never existed would look like one to which nothing has happened.
 *
 * @throws KeyholdError `ERR_TENANT_NOT_FOUND`
 */
export async function refuseUnknownTenant(
  { tenants }: Pick<Store, 'tenants'>,
  tenantId: string,
): Promise<void> {
  const isKnown = (await tenants.find(tenantId)) !== undefined || (await tenants.isRetired(tenantId))
  if (!isKnown) throw new KeyholdError('ERR_TENANT_NOT_FOUND')
}
