// The messages between replicas. With them a change takes effect sooner than by the time limits of their caches.
import { jsonReader, members, text } from '../json-column.ts'

/** The refusal of a KMS ends what is held under that key, of one tenant; or of all, if none is named. */
export interface Denial {
  keyArn: string
  tenantId?: string
}

export type Change =
  | ({ kind: 'denial' } & Denial)
  /** A data key has another active version or another minimum version, or is destroyed. */
  | { kind: 'dataKey'; tenantId: string; dataKeyId: string }
  /** API keys were revoked: look at those that are held. */
  | { kind: 'apiKeys' }
  /** Sessions were ended: look at those that are held. */
  | { kind: 'sessions' }
  /** The signing key was replaced. */
  | { kind: 'signingKey' }
  /** Keys of the issuer were made, deleted or revoked. */
  | { kind: 'issuerKeys' }
  /** A tenant was locked or unlocked. */
  | { kind: 'tenantLocks' }
  | { kind: 'tenantSettings'; tenantId: string }
  /** A tenant is no more. */
  | { kind: 'tenantEnd'; tenantId: string }

const read = jsonReader<
  Record<'kind', string> & Partial<Record<'keyArn' | 'tenantId' | 'dataKeyId', string>>
>(
  'changes.content',
  members({ kind: text }, { keyArn: text, tenantId: text, dataKeyId: text }),
  'ERR_INTERNAL',
)

/** A change as a replica wrote it; undefined: only another version of Keyhold understands it. */
export function parseChange(stored: unknown): Change | undefined {
  const found = read(stored, '')
  if (found === undefined || 'error' in found) return undefined
  const { kind, keyArn, tenantId, dataKeyId } = found.value
  if (kind === 'denial' && keyArn !== undefined)
    return { kind, keyArn, ...(tenantId !== undefined && { tenantId }) }
  if (kind === 'dataKey' && tenantId !== undefined && dataKeyId !== undefined)
    return { kind, tenantId, dataKeyId }
  if (
    kind === 'apiKeys' ||
    kind === 'sessions' ||
    kind === 'signingKey' ||
    kind === 'issuerKeys' ||
    kind === 'tenantLocks'
  )
    return { kind }
  if ((kind === 'tenantSettings' || kind === 'tenantEnd') && tenantId !== undefined) return { kind, tenantId }
  return undefined
}
