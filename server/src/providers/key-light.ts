// Whether a key is safe to delete in its KMS, in one word: the usage of its key provider without a count of cipherkeys.
import type { SnapshotStore } from '../store/store.ts'
import { readUncountedUsage } from './key-provider-usage.ts'

export interface KeyLight {
  state: 'in-use' | 'kept' | 'shared' | 'safe'
  /** Of a key that is kept for backups alone. */
  until: Date | undefined
  /** Of a key that is safe. */
  since: Date | undefined
}

/** @throws KeyholdError `ERR_KEY_PROVIDER_NOT_FOUND`, `ERR_RECORD_NOT_AUTHENTIC` */
export async function readKeyLight(
  snapshot: SnapshotStore,
  tenantId: string,
  fingerprint: string,
): Promise<KeyLight> {
  const { blockers, safeSince } = await readUncountedUsage(snapshot, tenantId, fingerprint)
  const codes = new Set(blockers.map(({ code }) => code))
  if (codes.size === 0) return { state: 'safe', until: undefined, since: safeSince }
  const isOnly = (code: 'backup-retention' | 'shared') => codes.size === 1 && codes.has(code)
  if (isOnly('shared')) return { state: 'shared', until: undefined, since: undefined }
  if (!isOnly('backup-retention')) return { state: 'in-use', until: undefined, since: undefined }
  const ends = blockers.flatMap(({ until }) => (until === undefined ? [] : [until.getTime()]))
  return { state: 'kept', until: new Date(Math.max(...ends)), since: undefined }
}
