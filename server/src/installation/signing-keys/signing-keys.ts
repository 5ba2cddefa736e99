// The signing keys as this replica knows them: the one that signs, and all that verify. It learns of a new one by a message, and
// whenever it signs; it never goes back to one that was replaced.
import { KeyholdError } from '@keyhold/core'
import type { HoldSigner } from '../../store/authentic/hold-signer.ts'
import type { OpenRecord } from '../../store/authentic/open-record.ts'
import type { StoredSigningKeys } from '../../store/signing-keys.ts'
import type { Store } from '../../store/store.ts'
import { keyIdOf } from './key-id-of.ts'
import { publicSigningKeys, type PublicSigningKeys } from './public-signing-keys.ts'
import { xOf, type SigningCrypto, type VerifyingKey } from './signing-crypto.ts'
import { verifyHistory, withEarlierKeys, type SigningKeyHistory } from './signing-key-history.ts'

export interface SigningKeys {
  holdSigner: HoldSigner
  /** The payload of a JWS that this installation has signed, with its present key or an earlier one; undefined: it has not. */
  readOwn: (jws: string) => unknown
  openRecord: OpenRecord
  /** Whether it is a key with which this installation signs, or has signed. */
  isOwnKey: (keyId: string) => boolean
  publicKeys: () => PublicSigningKeys
  /** Looks for a newer key. */
  refresh(): Promise<void>
}

export interface SigningKeysParts<Key extends VerifyingKey> {
  store: Pick<Store, 'transaction'>
  crypto: SigningCrypto<Key>
  /**
   * The keys that this replica has known before, and the file that says so; undefined: none. Somebody may have changed it: of the keys
   * before the last one only those count for which a later one vouches.
   */
  pinned: (SigningKeyHistory & { file: string }) | undefined
  /** Hears of each set of keys that is new, the first one included. */
  onLearned: (keys: PublicSigningKeys) => void
  /** Hears of former keys whose rows are missing, or are not as Keyhold wrote them. */
  onBroken: () => void
}

interface Known<Key> extends SigningKeyHistory {
  signer: Key
}

/** @throws KeyholdError `ERR_SIGNING_KEY_MISSING`, `ERR_KEY_INTEGRITY`, `ERR_RECORD_NOT_AUTHENTIC` */
export async function openSigningKeys<Key extends VerifyingKey>(
  parts: SigningKeysParts<Key>,
): Promise<SigningKeys> {
  const { store, crypto, pinned, onLearned, onBroken } = parts
  let known: Known<Key> | undefined

  function learn(stored: StoredSigningKeys): Known<Key> {
    const { current } = stored
    if (current === undefined) throw lost()
    // Keys change by rotations alone, and each of them makes another one current.
    if (known?.signer.id === current.id && known.isWhole) return known
    const signer = crypto.open(current)
    const found = verifyHistory(crypto, signer, stored)
    const before = known ?? pinned
    const last = before?.keys.at(-1)
    const isDescended = found.keys.some(
      (key) => last === undefined || (key.id === last.id && xOf(key) === xOf(last)),
    )
    if (!isDescended) throw otherKey(known === undefined ? pinned?.file : undefined)
    const isNew = known?.signer.id !== signer.id || known.keys.length < found.keys.length
    known = { signer, ...withEarlierKeys(crypto, stored.installationId, found, before) }
    if (!found.isWhole) onBroken()
    if (isNew) onLearned(publicSigningKeys(known))
    return known
  }

  const read = () => store.transaction(async ({ signingKeys }) => learn(await signingKeys.share()))
  await read()
  function knownNow(): Known<Key> {
    if (known === undefined) throw new TypeError('the signing keys were not opened')
    return known
  }

  const isOwnKey = (keyId: string) => knownNow().keys.some(({ id }) => id === keyId)

  function readOwn(jws: string): unknown {
    const kid = keyIdOf(jws)
    const key = knownNow().keys.find(({ id }) => id === kid)
    return key && crypto.readJws(key, jws)
  }

  return {
    async holdSigner({ signingKeys }) {
      const { signer } = learn(await signingKeys.share())
      return (payload) => crypto.sign(signer, payload)
    },
    readOwn,
    async openRecord(jws, isAbout) {
      const kid = keyIdOf(jws)
      // Another replica may have signed it with a key of which this one is just about to hear.
      if (!isOwnKey(kid)) await read()
      const payload = readOwn(jws) as Record<string, unknown> | undefined
      if (payload !== undefined && isAbout(payload)) return payload
      throw new KeyholdError('ERR_RECORD_NOT_AUTHENTIC', {
        message: 'The stored record was not signed by Keyhold, or is that of another thing.',
      })
    },
    isOwnKey,
    publicKeys: () => publicSigningKeys(knownNow()),
    async refresh() {
      await read()
    },
  }
}

function lost(): KeyholdError {
  return new KeyholdError('ERR_SIGNING_KEY_MISSING', {
    message:
      'The database has lost the signing key of this installation: put the row of keyhold.installation back from a backup.',
  })
}

function otherKey(file: string | undefined): KeyholdError {
  const advice = file === undefined ? '' : ` If the installation is a new one, delete ${file}.`
  return new KeyholdError('ERR_SIGNING_KEY_MISSING', {
    message: `The database has another signing key than the one that this replica knows, and nothing that was signed with the known one names it: connect to the right database.${advice}`,
  })
}
