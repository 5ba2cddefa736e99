// The keys that check signatures: the server's, or those that somebody has kept from before.
import type { JsonWebKeySet } from '@keyhold/client'
import type { Session } from '../session/open-session.ts'
import { readJson } from '../input/request-body.ts'

/** @param file - a JWK set; undefined: the server is asked */
export async function signingKeys({ call }: Session, file: string | undefined): Promise<JsonWebKeySet> {
  if (file === undefined) return (await call('listSigningKeys')).body
  const keySet = await readJson(file)
  const isKeySet =
    typeof keySet === 'object' && keySet !== null && 'keys' in keySet && Array.isArray(keySet.keys)
  return isKeySet ? (keySet as JsonWebKeySet) : { keys: [] }
}
