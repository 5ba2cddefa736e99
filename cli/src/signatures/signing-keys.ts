// The public keys that verify signatures: the server's, or some that were kept from before.
import type { JsonWebKeySet } from '@keyhold/client'
import { readJson } from '../input/read-json.ts'
import type { Session } from '../session/open-session.ts'
import type { Shell } from '../shell.ts'

/** @param file - a JWK set; undefined: the server is asked */
export async function signingKeys(
  { call, shell }: Session,
  file: string | undefined,
): Promise<JsonWebKeySet> {
  return file === undefined ? (await call('listSigningKeys')).body : readSigningKeys(shell, file)
}

/** Keys that were kept in a file: a JWK set. */
export async function readSigningKeys(shell: Shell, file: string): Promise<JsonWebKeySet> {
  const keySet = await readJson(shell, file)
  const isKeySet =
    typeof keySet === 'object' && keySet !== null && 'keys' in keySet && Array.isArray(keySet.keys)
  return isKeySet ? (keySet as JsonWebKeySet) : { keys: [] }
}
