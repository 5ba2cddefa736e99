// Makes data keys. A caller gets one only once its cipherkey is committed, wrapped by the tenant key version that was
// active at that moment.
import { KeyholdError } from '@keyhold/core'
import type { Actor } from '../store/audits.ts'
import type { ActiveCipherkeyRow, NewCipherkey, UsableCipherkeyRow } from '../store/cipherkeys/cipherkeys.ts'
import type { TransactionStore } from '../store/store.ts'
import { commitUnderFence, type FenceParts } from './commit-under-fence.ts'
import { mapInSlices } from '../event-loop/map-in-slices.ts'
import { blindIndexPrefix } from './blind-index-name.ts'
import { faultOfActive } from './fault-of-active.ts'
import { isCountedKeyName } from './lease-key-name.ts'
import { newCipherkey } from './new-cipherkey.ts'
import { newId } from './new-id.ts'

export interface CreateDataKeyParts extends FenceParts {
  /** How many key names a tenant may have. */
  maxKeyNames: number
}

/**
 * Makes the next version of a data key, and the version before encrypts no more. If another caller was first, its version
 * is answered.
 *
 * @param previous - from `openPrevious`: the next version gets its name
 * @param actor - the caller that asked for it; undefined: the version has reached its age, and its row is record enough
 * @throws KeyholdError the errors of `commitUnderFence`
 */
export function createNextVersion(
  parts: FenceParts,
  previous: ActiveCipherkeyRow,
  actor?: Actor,
): Promise<ActiveCipherkeyRow> {
  const { tenantId, keyName } = previous
  return commitUnderFence(
    parts,
    tenantId,
    (tenantKey) =>
      newCipherkey(tenantKey, {
        ...{ dataKeyId: previous.dataKeyId, version: previous.version + 1, keyName },
        createdAt: parts.store.clock.now(),
      }),
    async (transaction, cipherkey) => {
      const isFirst =
        (await transaction.cipherkeys.endEncryption(previous)) &&
        (await transaction.cipherkeys.insertActive(cipherkey))
      if (isFirst && actor !== undefined) {
        const { dataKeyId: targetId, version } = cipherkey
        const details = { keyName, version: String(version) }
        transaction.audit({ tenantId, actor, action: 'datakey.rotate', targetId, details })
      }
      return transaction.cipherkeys.findActive(tenantId, keyName)
    },
  )
}

/**
 * Makes the first data keys of key names, all in one transaction. A name that has a data key by now gets that one. The
 * answers come in the order of the names; names beyond the quota get `ERR_KEY_NAME_QUOTA`. The name of leases does not count.
 *
 * @param keyNames - each once
 * @throws KeyholdError the errors of `commitUnderFence`
 */
export async function createDataKeys(
  { maxKeyNames, ...parts }: CreateDataKeyParts,
  tenantId: string,
  keyNames: readonly string[],
): Promise<(UsableCipherkeyRow | KeyholdError)[]> {
  const inactive = await findInactiveIndexes(parts, tenantId, keyNames)
  const rows = await commitUnderFence(
    parts,
    tenantId,
    (tenantKey) =>
      mapInSlices(keyNames, (keyName) => {
        const createdAt = parts.store.clock.now()
        return newCipherkey(tenantKey, { dataKeyId: newId(createdAt), version: 1, keyName, createdAt })
      }),
    async (transaction, cipherkeys) => {
      const names = await transaction.dataKeys.lockCount(tenantId)
      const wanted = cipherkeys.filter(({ keyName }) => !inactive.has(keyName))
      const room = Math.max(0, maxKeyNames - names)
      const isRoomForAll = wanted.filter(({ keyName }) => isCountedKeyName(keyName)).length <= room
      const fresh = isRoomForAll ? wanted : await takeRoom(transaction, tenantId, wanted, room)
      // A name that has a data key by now keeps it.
      const inserted = await transaction.cipherkeys.insertManyActive(fresh)
      await transaction.dataKeys.addToCount(tenantId, inserted.filter(isCountedKeyName).length)
      const active = await transaction.cipherkeys.listActive(tenantId, keyNames)
      return new Map<string, UsableCipherkeyRow | KeyholdError>(
        active.map((row) => [row.keyName, faultOfActive(row) ?? row]),
      )
    },
  )
  return keyNames.map(
    (keyName) => rows.get(keyName) ?? (inactive.has(keyName) ? inactiveIndex() : quotaExceeded(maxKeyNames)),
  )
}

/** Those of names without a data key for which there is room. Names that do not count need none. */
async function takeRoom(
  { cipherkeys }: Pick<TransactionStore, 'cipherkeys'>,
  tenantId: string,
  wanted: readonly NewCipherkey[],
  room: number,
): Promise<NewCipherkey[]> {
  const active = await cipherkeys.listActive(
    tenantId,
    wanted.map(({ keyName }) => keyName),
  )
  const found = new Set(active.map(({ keyName }) => keyName))
  const missing = wanted.filter(({ keyName }) => !found.has(keyName))
  const counted = missing.filter(({ keyName }) => isCountedKeyName(keyName)).slice(0, room)
  return [...missing.filter(({ keyName }) => !isCountedKeyName(keyName)), ...counted]
}

/**
 * Blind indexes that have a key, but no active one. Keyhold never ends the only version of such a key, and with another one
 * all values of the index would silently be other ones: somebody else has written to the row.
 */
async function findInactiveIndexes(
  { store }: Pick<FenceParts, 'store'>,
  tenantId: string,
  keyNames: readonly string[],
): Promise<ReadonlySet<string>> {
  const indexes = keyNames.filter((keyName) => keyName.startsWith(blindIndexPrefix))
  if (indexes.length === 0) return new Set()
  return new Set(await store.dataKeys.findBlindIndexes(tenantId, indexes))
}

function inactiveIndex(): KeyholdError {
  return new KeyholdError('ERR_KEY_INTEGRITY', {
    message: 'The key of the blind index is there, and is not active: it gets no second one.',
  })
}

function quotaExceeded(maxKeyNames: number): KeyholdError {
  return new KeyholdError('ERR_KEY_NAME_QUOTA', {
    message: `A tenant has at most ${maxKeyNames} key names (KEYHOLD_MAX_KEY_NAMES).`,
  })
}
