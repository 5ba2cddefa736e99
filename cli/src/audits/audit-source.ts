// Where audit records come from: the tenant's own routes, or the operator's.
import type { Audit, AuditHead } from '@keyhold/client'
import { allPages } from '../session/all-pages.ts'
import type { Session } from '../session/open-session.ts'

export interface AuditSource {
  /** The records after a sequence number, page after page. */
  pages(after: number): AsyncIterable<Audit[]>
  head(): Promise<AuditHead>
  /** Its checkpoints, page after page, as the server has them. */
  checkpoints(): AsyncIterable<{ number: number; jws: string }[]>
}

/** @param chain - `installation`, or the id of a tenant, with an operator's token; undefined: the token's own tenant */
export function auditSource(session: Session, chain: string | undefined): AuditSource {
  const query = chain === undefined || chain === 'installation' ? {} : { tenantId: chain }
  const routeId = chain === undefined ? 'listAudits' : 'listInstallationAudits'
  return {
    async *pages(after) {
      for await (const { audits } of allPages(session, routeId, { from: String(after), query })) yield audits
    },
    async *checkpoints() {
      const route = chain === undefined ? 'listAuditCheckpoints' : 'listAllAuditCheckpoints'
      for await (const { checkpoints } of allPages(session, route, { query })) yield checkpoints
    },
    async head() {
      return chain === undefined
        ? (await session.call('getAuditHead')).body
        : (await session.call('getInstallationAuditHead', { query })).body
    },
  }
}
