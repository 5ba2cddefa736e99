// Reads cipherkeys, and makes them where a key name has none. Callers ask for one; the work is done in batches.
import { isKeyholdError, KeyholdError } from '@keyhold/core'
import type {
  ActiveCipherkeyRow,
  CipherkeyPosition,
  UsableCipherkeyRow,
} from '../store/cipherkeys/cipherkeys.ts'
import { createDataKeys, createNextVersion, type CreateDataKeyParts } from './create-data-key.ts'
import { gather } from '../event-loop/gather.ts'
import { faultOfActive } from './fault-of-active.ts'
import { openPrevious, type OpenPreviousParts } from './open-previous.ts'

export interface ReadCipherkeysOptions extends CreateDataKeyParts, OpenPreviousParts {
  /** After this time a data key encrypts no more, and its name gets a new version. */
  maxDataKeyAgeMs: number
}

export interface ReadCipherkeys {
  /** Undefined: the tenant has no such data key. Throws `ERR_KEY_VERSION_RETIRED` below the minimum version. */
  find(tenantId: string, position: CipherkeyPosition): Promise<UsableCipherkeyRow | undefined>
  /** The active cipherkey of a name, made and committed if there is none. */
  getActive(tenantId: string, keyName: string): Promise<UsableCipherkeyRow>
}

export function createReadCipherkeys({ maxDataKeyAgeMs, ...parts }: ReadCipherkeysOptions): ReadCipherkeys {
  const { store } = parts

  async function findMany(
    tenantId: string,
    positions: CipherkeyPosition[],
  ): Promise<(UsableCipherkeyRow | KeyholdError | undefined)[]> {
    const found = await store.cipherkeys.listFound(tenantId, positions)
    const byName = new Map(found.map((row) => [nameOf(row), row]))
    return positions.map((position) => {
      const row = byName.get(nameOf(position))
      if (row?.isRetired !== true) return row
      return row.fault ?? new KeyholdError('ERR_KEY_VERSION_RETIRED')
    })
  }

  /** The row, or the next version where it has reached its age. Its name fails alone. */
  async function renewed(row: ActiveCipherkeyRow): Promise<ActiveCipherkeyRow | KeyholdError> {
    if (row.ageMs < maxDataKeyAgeMs) return row
    try {
      // It says its age, which only its wrap proves.
      const previous = await openPrevious(parts, row.tenantId, row.keyName)
      if (previous === undefined || previous.ageMs < maxDataKeyAgeMs) return previous ?? row
      return await createNextVersion(parts, previous)
    } catch (error) {
      if (isKeyholdError(error)) return error
      throw error
    }
  }

  async function getActiveMany(
    tenantId: string,
    keyNames: string[],
  ): Promise<(UsableCipherkeyRow | KeyholdError)[]> {
    const active = await store.cipherkeys.listActive(tenantId, keyNames)
    const byName = new Map<string, UsableCipherkeyRow | KeyholdError>()
    const read = async (row: ActiveCipherkeyRow) => {
      byName.set(row.keyName, faultOfActive(row) ?? (await renewed(row)))
    }
    await Promise.all(active.map(read))
    const missing = [...new Set(keyNames)].filter((keyName) => !byName.has(keyName))
    if (missing.length > 0) {
      const made = await createDataKeys(parts, tenantId, missing)
      for (const [index, row] of made.entries()) byName.set(missing[index] ?? '', row)
    }
    return keyNames.map((keyName) => byName.get(keyName) ?? new KeyholdError('ERR_INTERNAL'))
  }

  return {
    find: gather<CipherkeyPosition, UsableCipherkeyRow | undefined>(findMany),
    getActive: gather<string, UsableCipherkeyRow>(getActiveMany),
  }
}

function nameOf({ dataKeyId, version }: CipherkeyPosition): string {
  return `${dataKeyId}/${version}`
}
