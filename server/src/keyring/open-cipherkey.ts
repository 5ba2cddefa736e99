// Opens a stored cipherkey with the tenant key that its row names.
import {
  isKeyholdError,
  KeyholdError,
  unwrapDataKey,
  verifyKeyCheckValue,
  type DataKey,
  type TenantKey,
} from '@keyhold/core'
import type { RowMacs } from '../store/authentic/row-macs.ts'
import type { CipherkeyRow, UsableCipherkeyRow } from '../store/cipherkeys/cipherkeys.ts'
import type { HeldTenantKey, TenantKeyCache } from './tenant-key-cache.ts'

/** A data key with the name that its wrap has proven; under format 1 it is the one in its row. */
export interface NamedDataKey extends DataKey {
  /** Undefined: it has none. */
  readonly keyName: string | undefined
}

export interface OpenedCipherkey<Row extends UsableCipherkeyRow = UsableCipherkeyRow> {
  row: Row
  dataKey: NamedDataKey
  wrappedBy: HeldTenantKey
  /**
   * Until when it may be held, by the caller's clock: for the tenant's TTL after the reading, and never into the time in
   * which it may be destroyed, since data under a destroyed key can never be decrypted again. Its tenant key may end
   * sooner.
   */
  validUntilMs: number
}

// A margin for clocks that do not run alike, and for requests that are running when the time comes. Long bodies may run
// longer; their keys are asked for once more before the answer.
const beforeDestructionMs = 5_000

export interface OpenCipherkeyParts {
  tenantKeys: TenantKeyCache
  clock: () => number
  /** Hears of a cipherkey that does not open. */
  macs: Pick<RowMacs, 'tellUnopened'>
}

export interface OpenCipherkeyOptions {
  /** From 0 to 1: the tenant key is unwrapped anew when less of its time is left. Default: 0. */
  minRemainingShare?: number
  /** Whether it is opened to encrypt with it. Default: no. */
  encrypts?: boolean
}

/**
 * Reads and opens a cipherkey; undefined when there is none.
 *
 * @throws KeyholdError `ERR_KEY_INTEGRITY`, and the errors of the tenant's KMS
 */
export async function openCipherkey<Row extends UsableCipherkeyRow>(
  parts: OpenCipherkeyParts,
  read: () => Promise<Row | undefined>,
  { minRemainingShare = 0, encrypts = false }: OpenCipherkeyOptions = {},
): Promise<OpenedCipherkey<Row> | undefined> {
  let putBack: Row | undefined
  // It is read a second time if a cutover ended the tenant key version after the first reading.
  for (let reading = 0; reading < 2; reading++) {
    const readAtMs = parts.clock()
    const row = await read()
    if (row === undefined) return undefined
    const wrappedBy = await parts.tenantKeys.get(row.tenantId, row.tenantKeyVersion, minRemainingShare)
    if (wrappedBy === undefined) continue
    putBack = encrypts && !wrappedBy.isBelieved ? row : undefined
    if (putBack !== undefined) continue
    const dataKey = { ...unwrapAndTell(parts.macs, wrappedBy.tenantKey, row), keyName: row.keyName }
    const heldForMs = Math.min(wrappedBy.ttlMs, row.destroyInMs - beforeDestructionMs)
    return { row, dataKey, wrappedBy, validUntilMs: readAtMs + heldForMs }
  }
  if (putBack !== undefined) parts.macs.tellUnopened(putBack)
  throw new KeyholdError('ERR_KEY_INTEGRITY')
}

function unwrapAndTell(macs: OpenCipherkeyParts['macs'], tenantKey: TenantKey, row: CipherkeyRow): DataKey {
  try {
    return unwrapRow(tenantKey, row)
  } catch (error) {
    if (isKeyholdError(error, 'ERR_KEY_INTEGRITY')) macs.tellUnopened(row)
    throw error
  }
}

/** @throws KeyholdError `ERR_KEY_INTEGRITY` */
export function unwrapRow(tenantKey: TenantKey, row: CipherkeyRow): DataKey {
  const { tenantId, dataKeyId: id, version } = row
  const dataKey = unwrapDataKey(tenantKey, { tenantId, id, version }, row, row.wrapped)
  verifyKeyCheckValue(dataKey, row.keyCheckValue)
  return dataKey
}
