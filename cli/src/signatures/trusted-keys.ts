// Keys that were kept, and those that they vouch for: where the signing key was replaced, the old and the new one have both signed
// that. So who has kept either of them needs nobody's word for the other one.
import type { JsonWebKeySet } from '@keyhold/client'
import type { NamedSigningKey, RotationStatement } from '@keyhold/core/rotation-statement'
import { CliError } from '../errors/cli-error.ts'
import { verifyJws } from './verify-jws.ts'

export interface SignedRotation {
  rotation: RotationStatement
  /** Compact JWS by the key that was replaced. */
  statement: string
  /** Compact JWS by its successor. */
  counterstatement: string
}

export interface TrustedKeys extends JsonWebKeySet {
  /** Since when a key signs nothing any more, by its id; in milliseconds since 1970. */
  endsMs: ReadonlyMap<string, number>
}

type Key = JsonWebKeySet['keys'][number]

/**
 * @param rotations - each with its place, for errors
 * @throws CliError `failed` where nothing that was kept vouches for one of them, or a signature is not valid
 */
export function trustedKeys(
  kept: JsonWebKeySet,
  rotations: readonly (SignedRotation & { place: string })[],
): TrustedKeys {
  const keys = new Map<string, Key>(kept.keys.map((key) => [key.kid, key]))
  const successors = new Map<string, string>()
  const endsMs = new Map<string, number>()

  function accept({ rotation, statement, counterstatement, place }: (typeof rotations)[number]): void {
    const { replaced, successor, rotatedAt } = rotation
    const name = `the rotation in ${place}`
    for (const { kid, x } of [replaced, successor]) {
      const known = keys.get(kid)
      if (known !== undefined && known.x !== x) throw refused(`${name} names another key by the id ${kid}`)
    }
    if ((successors.get(replaced.kid) ?? successor.kid) !== successor.kid)
      throw refused(`${name} names a second successor of the key ${replaced.kid}`)
    verifyJws({ jws: statement, content: rotation }, { keys: [jwkOf(replaced)] }, `${name} by the old key`)
    verifyJws(
      { jws: counterstatement, content: rotation },
      { keys: [jwkOf(successor)] },
      `${name} by the new key`,
    )
    successors.set(replaced.kid, successor.kid)
    endsMs.set(replaced.kid, Date.parse(rotatedAt))
    for (const key of [replaced, successor]) keys.set(key.kid, keys.get(key.kid) ?? jwkOf(key))
  }

  const left = [...rotations]
  for (;;) {
    const next = left.findIndex(
      ({ rotation: { replaced, successor } }) => keys.has(replaced.kid) || keys.has(successor.kid),
    )
    const [rotation] = next < 0 ? [] : left.splice(next, 1)
    if (rotation === undefined) break
    accept(rotation)
  }
  const [unknown] = left
  if (unknown !== undefined)
    throw refused(`none of the keys that were kept vouches for the rotation in ${unknown.place}`)
  return { keys: [...keys.values()], endsMs }
}

const jwkOf = ({ kid, x }: NamedSigningKey): Key => ({
  ...{ kty: 'OKP', crv: 'Ed25519', x, kid, alg: 'EdDSA', use: 'sig' },
})

function refused(message: string): CliError {
  return new CliError('failed', 'ERR_CLI_SIGNATURE', message)
}
