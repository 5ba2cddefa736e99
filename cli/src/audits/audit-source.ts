// Where audit records come from: the tenant's own routes, or the operator's.
import type { Audit, AuditHead } from '@keyhold/client'
import { allPages } from '../session/all-pages.ts'
import type { Session } from '../session/open-session.ts'

/** Some records, with what the server says of their MACs: it has the key, and only it can tell. */
export interface AuditPage {
  audits: readonly Audit[]
  /** The present names of API keys on the page, by their ids. */
  names?: Readonly<Record<string, string>>
  /** The first record of the page that Keyhold did not write. */
  forged?: number
  /** The last record of the page that it did write, before any forged one. */
  authenticTo?: number
}

export interface AuditSource {
  /** The records after a sequence number, page after page. */
  pages(after: number): AsyncIterable<AuditPage>
  /** Those that fit, the newest first. */
  search(filters: Readonly<Record<string, string>>): AsyncIterable<AuditPage>
  head(): Promise<AuditHead>
  /** The rotations of the installation's signing key, as the server has them. */
  rotations(): Promise<{ statement: string; counterstatement: string }[]>
  /** Its checkpoints, page after page, as the server has them. */
  checkpoints(): AsyncIterable<{ number: number; jws: string }[]>
}

/** @param chain - `installation`, or the id of a tenant, with an operator's token; undefined: the token's own tenant */
export function auditSource(session: Session, chain: string | undefined): AuditSource {
  const query = chain === undefined || chain === 'installation' ? {} : { tenantId: chain }
  const routeId = chain === undefined ? 'listAudits' : 'listInstallationAudits'
  return {
    async *pages(after) {
      yield* allPages(session, routeId, { from: String(after), query })
    },
    async *search(filters) {
      yield* allPages(session, routeId, { query: { ...query, ...filters, order: 'desc' } })
    },
    async rotations() {
      return (await session.call('listSigningKeys')).body.rotations ?? []
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
