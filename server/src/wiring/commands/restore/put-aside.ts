// Files of the state folder that contradict an older database which an operator has confirmed. They are put aside and not deleted:
// they show what it lacks.
import { rename } from 'node:fs/promises'
import { keptSigningKeys } from '../../../installation/signing-keys/kept-signing-keys.ts'
import type { Store } from '../../../store/store.ts'

/** Answers the new name of the file. */
export async function putAside(file: string, at: Date): Promise<string> {
  const name = file.replace(
    /\.\w+$/,
    (ending) => `.before-${at.toISOString().replaceAll(/[:.]/g, '-')}${ending}`,
  )
  await rename(file, name)
  return name
}

/**
 * Puts the file of signing keys aside if it knows another key than the older database has. Undefined: it does not.
 *
 * @throws KeyholdError `ERR_SIGNING_KEY_MISSING` when the file cannot be read
 */
export async function putSigningKeysAside(
  { installation, clock }: Pick<Store, 'installation' | 'clock'>,
  stateDir: string,
): Promise<string | undefined> {
  const kept = keptSigningKeys(stateDir)
  const known = await kept.find()
  const current = await installation.findSigningKey()
  if (known === undefined || known.keys.at(-1)?.id === current?.id) return undefined
  return putAside(kept.file, clock.now())
}
