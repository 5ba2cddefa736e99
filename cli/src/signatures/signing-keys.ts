// The public keys that verify signatures: the server's, or some that were kept from before.
import type { JsonWebKeySet } from '@keyhold/client'
import { readJson } from '../input/read-json.ts'
import type { Session } from '../session/open-session.ts'

/** @param file - a JWK set; undefined: the server is asked */
export async function signingKeys(
  { call, shell }: Session,
  file: string | undefined,
): Promise<JsonWebKeySet> {
  if (file === undefined) return (await call('listSigningKeys')).body
  const keySet = await readJson(shell, file)
  const isKeySet =
    typeof keySet === 'object' && keySet !== null && 'keys' in keySet && Array.isArray(keySet.keys)
  return isKeySet ? (keySet as JsonWebKeySet) : { keys: [] }
}
