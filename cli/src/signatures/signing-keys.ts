// The public keys that verify signatures: the server's, or some that were kept from before, with those that they vouch for.
import type { JsonWebKeySet } from '@keyhold/client'
import { parseRotation } from '../audits/export-lines.ts'
import { readJson } from '../input/read-json.ts'
import type { Session } from '../session/open-session.ts'
import type { Shell } from '../shell.ts'
import { payloadOf } from './payload-of.ts'
import { trustedKeys } from './trusted-keys.ts'

/**
 * @param file - a JWK set; undefined: the server is asked. With a file, the server only says what its keys have signed about those
 * that took their place.
 */
export async function signingKeys(
  { call, shell }: Session,
  file: string | undefined,
): Promise<JsonWebKeySet> {
  if (file === undefined) return (await call('listSigningKeys')).body
  const kept = await readSigningKeys(shell, file)
  // They can vouch for nothing.
  if (kept.keys.length === 0) return kept
  const { rotations = [] } = (await call('listSigningKeys')).body
  return trustedKeys(
    kept,
    rotations.map(({ statement, counterstatement }) => {
      const line = { rotation: payloadOf(statement), statement, counterstatement }
      return parseRotation(line, "the server's answer")
    }),
  )
}

/** Keys that were kept in a file: a JWK set. */
export async function readSigningKeys(shell: Shell, file: string): Promise<JsonWebKeySet> {
  const keySet = await readJson(shell, file)
  const isKeySet =
    typeof keySet === 'object' && keySet !== null && 'keys' in keySet && Array.isArray(keySet.keys)
  return isKeySet ? (keySet as JsonWebKeySet) : { keys: [] }
}
