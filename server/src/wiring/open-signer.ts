// The installation's signing key. A sealed replica signs nothing.
import { KeyholdError } from '@keyhold/core'
import type { Logger } from 'pino'
import { claimSigningKey } from '../installation/claim-signing-key.ts'
import { keptSigningKey, type PublicSigningKey } from '../installation/kept-signing-key.ts'
import type { RootKey } from '../kms/root-key-file.ts'
import { createSigningKey, openSigningKey, readOwnJws, signJws, type SigningKey } from '../kms/signing-key.ts'
import type { OpenRecord } from '../store/authentic/open-record.ts'
import type { Store } from '../store/store.ts'

/** Signs JSON and answers a compact JWS (RFC 7515) with EdDSA (RFC 8037). Throws `ERR_SEALED`. */
export type Sign = (payload: Readonly<Record<string, unknown>>) => string

export interface Signer {
  sign: Sign
  /** The payload of a JWS that `sign` has made, by this replica or another; undefined: it is none. Throws `ERR_SEALED`. */
  readOwn: (jws: string) => unknown
  openRecord: OpenRecord
  /** The keys that check what it signs, made from the private key itself. None: this replica is sealed. */
  publicKeys: readonly PublicSigningKey[]
}

interface SignerParts {
  store: Store
  /** Undefined: this replica is sealed. */
  rootKey: RootKey | undefined
  /** The folder for what is kept outside of the database. */
  stateDir: string
}

/** @throws KeyholdError `ERR_SIGNING_KEY_MISSING`, `ERR_KEY_INTEGRITY` */
export async function openSigner({ store, rootKey, stateDir }: SignerParts, logger: Logger): Promise<Signer> {
  if (rootKey === undefined) {
    const refuse = () => {
      throw new KeyholdError('ERR_SEALED')
    }
    return { sign: refuse, readOwn: refuse, openRecord: refuse, publicKeys: [] }
  }
  const kept = keptSigningKey(stateDir)
  const known = await kept.find()
  const stored = await claimSigningKey(store, known !== undefined, () => createSigningKey(rootKey))
  const signingKey = openSigningKey(rootKey, stored)
  const publicKey = publicKeyOf(signingKey)
  if (known === undefined) {
    await kept.keep(publicKey).catch((error: unknown) => {
      logger.warn({ file: kept.file, err: error }, 'the public signing key could not be kept in a file')
    })
  } else if (known !== publicKey.kid) {
    throw new KeyholdError('ERR_SIGNING_KEY_MISSING', {
      message: `The database has another signing key than the one that this replica knows: connect to the right database. If the installation is a new one, delete ${kept.file}.`,
    })
  }
  return {
    sign: (payload) => signJws(signingKey, payload),
    readOwn: (jws) => readOwnJws(signingKey, jws),
    openRecord(jws, isAbout) {
      const payload = readOwnJws(signingKey, jws) as Record<string, unknown> | undefined
      if (payload !== undefined && isAbout(payload)) return payload
      throw new KeyholdError('ERR_RECORD_NOT_AUTHENTIC', {
        message: 'The stored record was not signed by Keyhold, or is that of another thing.',
      })
    },
    publicKeys: [publicKey],
  }
}

function publicKeyOf({ id, publicKey }: SigningKey): PublicSigningKey {
  const { x = '' } = publicKey.export({ format: 'jwk' })
  return { kty: 'OKP', crv: 'Ed25519', x, kid: id, alg: 'EdDSA', use: 'sig' }
}
