// A tenant key version as its row says, once that is verified.
import { KeyholdError, type WrapFormat } from '@keyhold/core'
import type { Authentic } from '../authentic/row-macs.ts'
import type { StoredRow } from '../authentic/steering-kinds.ts'
import type { TenantKeyState } from '../tables.ts'

export interface TenantKeyRow {
  tenantId: string
  version: number
  id: string
  state: TenantKeyState
  keyArn: string
  /** Undefined once destroyed. */
  wrapped: Buffer | undefined
  keyCheckValue: Buffer
  /** Says what the wraps under it bind. */
  format: WrapFormat
}

/** A version that is made. It gets the newest format that all replicas know. */
export type NewTenantKey = Omit<TenantKeyRow, 'format'> & { wrapped: Buffer }

/** A version, with the facts about its tenant that decide whether it may be used. */
export interface FoundTenantKey extends TenantKeyRow {
  /** Whether the tenant's administrator has locked it. */
  isLocked: boolean
  /** How long the tenant's keys may be held; undefined: as long as the operator allows. */
  keyCacheTtlMs: number | undefined
  /**
   * Whether the names in rows under it may be used to encrypt: its wraps bind them, or it is in use. One of format 1 that is not
   * wraps nothing any more, or only what did not open: such a wrap was put back, under whatever name.
   */
  isBelieved: boolean
}

/** A version without its wrap, for lists. */
export interface TenantKeyVersion {
  version: number
  state: TenantKeyState
  keyArn: string
  format: WrapFormat
  createdAt: Date
  destroyAfter: Date | undefined
  destroyedAt: Date | undefined
}

/** A version in a list of people, which has all of them. Of a faulty one only its number is known. */
export type ShownVersion = (TenantKeyVersion & { isTampered?: never }) | { version: number; isTampered: true }

/** A version as the record of its tenant's deletion describes it. */
export type DescribedVersion = TenantKeyVersion & Pick<TenantKeyRow, 'id' | 'keyCheckValue'>

export type StoredVersion = StoredRow<'tenantKey'>

export function fromVersionRow(row: Authentic<StoredVersion>): TenantKeyVersion {
  return {
    version: row.version,
    state: row.state,
    keyArn: row.key_arn,
    format: formatOf(row),
    createdAt: row.created_at,
    destroyAfter: row.destroy_after ?? undefined,
    destroyedAt: row.destroyed_at ?? undefined,
  }
}

/** By the verified row alone: whoever could choose a format would choose the one that binds less. */
export function formatOf({ version, format }: Authentic<StoredVersion>): WrapFormat {
  if (format === null) return 1
  // The type knows no other value; a newer version of Keyhold may have written one.
  if ((format as number) === 2) return 2
  throw new KeyholdError('ERR_KEY_INTEGRITY', {
    message: `Tenant key version ${version} has a format that this version of Keyhold does not know.`,
  })
}

/** A version that something has fallen due for, by what the database shows. Whoever acts on it looks at the row again. */
export interface DueVersion {
  tenantId: string
  version: number
  /** As the database writes it, with its microseconds. */
  dueAt: string
}
