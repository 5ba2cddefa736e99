// The issuer's keys as this replica knows them: what it publishes, and with which it signs. Every key is opened by the root key first,
// and the public half comes from the private one. What a replica has read stays published until its time is over, whatever the
// database shows later: only a revocation ends it sooner.
import { KeyholdError } from '@keyhold/core'
import type { StoredIssuerKey } from '../../store/issuer-keys.ts'
import type { Store } from '../../store/store.ts'
import type { IssuerCrypto, OpenedIssuerKey } from './issuer-crypto.ts'
import { inOrder, publishedAt, signingKeyAt, staleAfterMs } from './issuer-key-times.ts'

export interface IssuerKeys<Key extends OpenedIssuerKey> {
  /** The public keys, the one that signs last at the end. From memory. */
  published(): Key['publicJwk'][]
  /**
   * The key that signs now.
   *
   * @throws KeyholdError `ERR_KMS_ISSUER` where there is none yet, or the keys could not be read for an hour
   */
  signer(): Key
  /** Reads the keys. */
  refresh(): Promise<void>
}

export interface IssuerKeysParts<Key extends OpenedIssuerKey> {
  store: Pick<Store, 'issuerKeys'>
  crypto: Pick<IssuerCrypto<Key>, 'open'>
  /** The database's clock. */
  now: () => Date
  /** Monotonic milliseconds. */
  clock: () => number
  /** Hears of rows that are not as Keyhold wrote them, or that the root key does not open. */
  onBroken: (id: string | undefined) => void
}

export function createIssuerKeys<Key extends OpenedIssuerKey>({
  store,
  crypto,
  now,
  clock,
  onBroken,
}: IssuerKeysParts<Key>): IssuerKeys<Key> {
  let known = new Map<string, Pick<StoredIssuerKey, 'id' | 'createdAt' | 'signsFrom'> & { key: Key }>()
  let readMs = Number.NEGATIVE_INFINITY
  // Readings may overtake each other.
  let revokedMs = 0

  function opened(stored: StoredIssuerKey): Key | undefined {
    try {
      return crypto.open(stored)
    } catch {
      onBroken(stored.id)
      return undefined
    }
  }

  return {
    published: () => publishedAt([...known.values()], now()).map(({ key }) => key.publicJwk),

    signer() {
      const at = now()
      const found = clock() - readMs > staleAfterMs ? undefined : signingKeyAt([...known.values()], at)
      if (found === undefined) throw new KeyholdError('ERR_KMS_ISSUER')
      return found.key
    },

    async refresh() {
      const beganMs = clock()
      const { keys, revokedBefore, hasFaulty, at } = await store.issuerKeys.list()
      if (hasFaulty) onBroken(undefined)
      revokedMs = Math.max(revokedMs, revokedBefore?.getTime() ?? 0)
      const next = new Map(known)
      for (const stored of keys) {
        const key = next.get(stored.id)?.key ?? opened(stored)
        const { id, createdAt, signsFrom } = stored
        if (key !== undefined) next.set(id, { id, createdAt, signsFrom, key })
      }
      const valid = [...next.values()].filter(({ createdAt }) => createdAt.getTime() >= revokedMs)
      known = new Map(publishedAt(inOrder(valid), at).map((each) => [each.id, each]))
      readMs = beganMs
    },
  }
}
