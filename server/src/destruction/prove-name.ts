// Before a data key is destroyed, its name is proven: the row of a cipherkey can be written by somebody else, and a wrap of
// format 2 opens under its own name alone.
import { KeyholdError } from '@keyhold/core'
import { openVersions } from '../keyring/open-versions.ts'
import type { DestructionRow } from '../store/destructions/destruction-row.ts'
import type { CipherkeyRow } from '../store/cipherkeys/cipherkeys.ts'
import type { RunDestructionsParts } from './destruction-parts.ts'
import { digestOfCipherkeys } from './ended-cipherkeys.ts'
import { opens } from './find-opening-cipherkeys.ts'

/**
 * Lets the destruction of a data key pass if one of its cipherkeys opens under the name: all versions of a data key have one
 * name. What nobody can open for good must still be destroyed: then the name is the one that the rows have, if they were
 * accepted as unreadable or the KMS refuses the tenant's active key. Call it outside the fence, as a KMS is asked.
 *
 * Answers the digest of the cipherkeys that it looked at: the proof is of these alone. Undefined: it is of all.
 *
 * @throws KeyholdError `ERR_RECORD_NOT_AUTHENTIC` when the data key has another name, or nobody can tell. Also what says
 * nothing about a tenant key version, such as an outage of its KMS or a locked tenant: then the destruction waits
 */
export async function proveName(
  { store, openTenantKey }: Pick<RunDestructionsParts, 'store' | 'openTenantKey'>,
  { tenantId, keyName, dataKeyId }: DestructionRow,
): Promise<string | undefined> {
  if (dataKeyId === undefined) throw new TypeError('a data key without id')
  const versions = await store.tenantKeys.list(tenantId)
  // No wrap of the tenant says a name.
  if (versions.every(({ format }) => format === 1)) return undefined
  const rows = await store.cipherkeys.listVersions(tenantId, dataKeyId)
  const digest = digestOfCipherkeys(rows)
  const named = rows.map((row) => ({ ...row, keyName }))
  const wrapping = [...new Set(rows.map(({ tenantKeyVersion }) => tenantKeyVersion))]
  const { sources, refused } = await openVersions(wrapping, (version) => openTenantKey(tenantId, version))
  const opened = named.filter((row) =>
    opens(
      row,
      sources.find(({ version }) => version === row.tenantKeyVersion),
    ),
  )
  const of = ({ tenantKeyVersion }: CipherkeyRow) =>
    versions.find(({ version }) => version === tenantKeyVersion)
  if (opened.some((row) => of(row)?.format === 2)) return digest
  // No key job is live. So a version of format 1 that is not active wraps nothing that opens: such a wrap was put back.
  if (opened.some((row) => of(row)?.state === 'active')) return digest

  const refusedByKms = new Set(refused.map(({ version }) => version))
  const doubtful = named.filter(
    (row) => !(of(row)?.state === 'active' && refusedByKms.has(row.tenantKeyVersion)),
  )
  const failures = doubtful.map((row) => ({ ...row, code: 'ERR_KEY_INTEGRITY' }))
  if ((await store.keyJobFailures.countAcceptedBefore(tenantId, failures)) < doubtful.length)
    throw otherName(dataKeyId)
  return digest
}

function otherName(dataKeyId: string): KeyholdError {
  return new KeyholdError('ERR_RECORD_NOT_AUTHENTIC', {
    message: `No cipherkey of the data key ${dataKeyId} opens under the name that its destruction names: somebody has exchanged names, or they are damaged. It is not destroyed. Put the rows back from a backup, or rotate the tenant's key and accept what does not open.`,
  })
}
