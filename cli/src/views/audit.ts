// Audit records for people.
import type { Audit, AuditHead } from '@keyhold/client'
import { formatFields, formatTable } from '../output/aligned-text.ts'
import type { View } from '../output/print-reply.ts'
import { kmsName } from './kms-name.ts'
import { readableTime } from './readable-time.ts'

export const auditListView: View<{ audits: Audit[] }> = {
  ids: ({ audits }) => audits.map(({ id }) => id),
  text: ({ audits }) =>
    formatTable(
      ['NO', 'TIME', 'ACTOR', 'ACTION', 'TARGET', 'DETAILS'],
      audits.map((audit) => [
        String(audit.sequence),
        readableTime(audit.at),
        audit.actor.role === undefined ? audit.actor.id : `${audit.actor.id} (${audit.actor.role})`,
        audit.action,
        `${audit.target.kind} ${audit.target.id}`,
        Object.entries(audit.details)
          .map(([name, value]) => `${name}=${kmsName(value)}`)
          .join(' '),
      ]),
    ),
}

/** The outcome of a verification. */
export interface VerifiedChain extends AuditHead {
  /** The key that signed the head. */
  signedBy: string
  /** Where the kept head has its place; absent where none was given. */
  keptSequence?: number
}

export const verifiedChainView: View<VerifiedChain> = {
  ids: ({ head }) => [head.hash],
  text: ({ head, signedBy, keptSequence }) =>
    formatFields([
      ['chain', head.tenantId === null ? 'of the installation' : `of tenant ${head.tenantId}`],
      ['records', `${head.sequence}, all as they were recorded`],
      ['hash', head.hash],
      ['signature', `valid, of key ${signedBy}`],
      [
        'kept head',
        keptSequence === undefined
          ? 'none was given: a cut-off end would not show'
          : `in its place, after record ${keptSequence}`,
      ],
    ]),
}
