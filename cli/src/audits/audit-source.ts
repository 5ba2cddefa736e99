// Where audit records come from: the tenant's own routes, or the operator's.
import type { Audit, AuditHead } from '@keyhold/client'
import type { Session } from '../session/open-session.ts'

export interface AuditSource {
  /** The records after a sequence, page after page. */
  pages(after: number, limit: number): AsyncIterable<Audit[]>
  head(): Promise<AuditHead>
}

/** @param chain - `installation`, or the id of a tenant, with an operator's token; undefined: the token's own tenant */
export function auditSource({ call }: Session, chain: string | undefined): AuditSource {
  const ofTenant = chain === undefined || chain === 'installation' ? {} : { tenantId: chain }

  async function page(after: number, limit: number) {
    const query = { after: String(after), limit: String(limit) }
    return chain === undefined
      ? (await call('listAudits', { query })).body
      : (await call('listInstallationAudits', { query: { ...query, ...ofTenant } })).body
  }

  return {
    async *pages(after, limit) {
      let next: string | undefined = String(after)
      do {
        const { audits, ...rest } = await page(Number(next), limit)
        yield audits
        next = rest.next
      } while (next !== undefined)
    },
    async head() {
      return chain === undefined
        ? (await call('getAuditHead')).body
        : (await call('getInstallationAuditHead', { query: ofTenant })).body
    },
  }
}
