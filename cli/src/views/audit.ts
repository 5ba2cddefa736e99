// Audit records for people.
import type { Audit, AuditHead } from '@keyhold/client'
import { formatFields, formatTable } from '../output/aligned-text.ts'
import type { VerifiedExport } from '../audits/verify-export.ts'
import type { View } from '../output/print-reply.ts'
import { kmsName } from './kms-name.ts'
import { readableTime } from './readable-time.ts'

export const auditListView: View<{ audits: Audit[]; names?: Readonly<Record<string, string>> }> = {
  ids: ({ audits }) => audits.map(({ id }) => id),
  text: ({ audits, names = {} }) =>
    formatTable(
      ['NO', 'TIME', 'ACTOR', 'ACTION', 'TARGET', 'DETAILS'],
      audits.map((audit) => [
        String(audit.sequence),
        readableTime(audit.at),
        [audit.actor.id, nameIn(names, audit.actor.id), audit.actor.role && `(${audit.actor.role})`]
          .filter((part) => part !== undefined && part !== '')
          .join(' '),
        audit.action,
        [audit.target.kind, audit.target.id, nameIn(names, audit.target.id)]
          .filter((part) => part !== undefined)
          .join(' '),
        Object.entries(audit.details)
          .map(([name, value]) => `${name}=${shortened(kmsName(value))}`)
          .join(' '),
      ]),
    ),
}

/** The present name of an API key. It is no part of the record. */
function nameIn(names: Readonly<Record<string, string>>, id: string): string | undefined {
  const name = Object.hasOwn(names, id) ? names[id] : undefined
  return name === undefined || name === '' ? undefined : `"${name}"`
}

const maxShown = 200
const shownOfLong = 24

/** Signed statements are long, and for programs: --json has all of them. */
function shortened(text: string): string {
  return text.length <= maxShown ? text : `${text.slice(0, shownOfLong)}…`
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

export const verifiedExportView: View<VerifiedExport> = {
  ids: ({ hash }) => [hash],
  text: ({ tenantId, records, hash, head, checkpoints, kept, vouchedTo, keptTo, rotations }) =>
    formatFields([
      ['chain', tenantId === null ? 'of the installation' : `of tenant ${tenantId}`],
      ['records', `${records}, each as its hash says`],
      ['hash', hash],
      [
        'head',
        `after record ${head.sequence}, signed ${readableTime(head.signedAt)} by key ${head.signedBy}`,
      ],
      [
        'signing key',
        rotations === undefined
          ? undefined
          : `replaced ${rotations} times, as the keys that were kept vouch for`,
      ],
      ['checkpoints', `${checkpoints} in the export, all valid and in their places`],
      [
        'kept elsewhere',
        kept === 0
          ? 'none was given: a cut-off end would not show'
          : `${kept}, all in their places, the last one after record ${keptTo}`,
      ],
      [
        'vouched for',
        vouchedTo === records
          ? 'all records'
          : [`records up to ${vouchedTo}`, `nobody vouches yet for records ${vouchedTo + 1} to ${records}`],
      ],
    ]),
}
