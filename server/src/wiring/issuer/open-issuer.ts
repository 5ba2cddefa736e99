// Keyhold as an issuer of identity tokens: its keys, its public pages, and what the KMS adapters sign with.
import { KeyholdError } from '@keyhold/core'
import type { Logger } from 'pino'
import { createIssuerKeys } from '../../installation/issuer-keys/issuer-keys.ts'
import { issuerPages, type IssuerPage } from '../../installation/issuer-keys/issuer-documents.ts'
import type { IssuerCrypto } from '../../installation/issuer-keys/issuer-crypto.ts'
import { keepIssuerKeys } from '../../installation/issuer-keys/make-issuer-keys.ts'
import type { TokenIssuer } from '../../kms/credentials/web-identity.ts'
import { createIssuerKey, openIssuerKey, type IssuerKey } from '../../kms/issuer/issuer-key.ts'
import type { RootKey } from '../../kms/root-key-file.ts'
import type { Store } from '../../store/store.ts'

export interface Issuer {
  /** `KEYHOLD_ISSUER_URL`. */
  url: string
  tokens: TokenIssuer
  /**
   * From memory.
   *
   * @throws KeyholdError `ERR_SEALED`, `ERR_KMS_ISSUER` where no key is known: an empty key set would be kept for an hour
   */
  pages(): IssuerPage[]
  publicKeys(): readonly object[]
  /** Reads the keys again. What fails is logged, and tried again with the next sweep. */
  refresh(): Promise<void>
  /** Makes the key that is due, and reads the keys. */
  keep(): Promise<void>
}

export function issuerCrypto(rootKey: RootKey): IssuerCrypto<IssuerKey> {
  return { create: () => createIssuerKey(rootKey), open: (stored) => openIssuerKey(rootKey, stored) }
}

/** @param rootKey - undefined: this replica is sealed, and signs and publishes nothing */
export async function openIssuer(
  url: string,
  { store, rootKey }: { store: Store; rootKey: RootKey | undefined },
  logger: Logger,
): Promise<Issuer> {
  if (rootKey === undefined) return sealedIssuer(url, store)
  const crypto = issuerCrypto(rootKey)
  const now = () => store.clock.now()
  const told = new Set<string | undefined>()
  const keys = createIssuerKeys({
    ...{ store, crypto, now },
    clock: () => performance.now(),
    onBroken: (keyId) => {
      if (told.has(keyId)) return
      told.add(keyId)
      logger.error(
        { keyId },
        'rows of issuer_keys are not as Keyhold wrote them: they are neither used nor published',
      )
    },
  })
  const keep = async () => {
    try {
      await keepIssuerKeys({ store, crypto })
    } finally {
      // Keys that are there go on signing, whatever keeps a new one from being made.
      await keys.refresh()
    }
  }
  const issuer: Issuer = {
    url,
    tokens: { url, now, signer: () => keys.signer() },
    publicKeys: () => keys.published(),
    pages() {
      const published = keys.published()
      if (published.length === 0) throw new KeyholdError('ERR_KMS_ISSUER')
      return issuerPages(url, published)
    },
    refresh: () =>
      keys.refresh().catch((err: unknown) => {
        logger.warn({ err }, 'the keys of the issuer could not be read: tried again in a minute')
      }),
    keep,
  }
  // Tenants whose keys are reached otherwise need no issuer.
  await keep().catch((err: unknown) => {
    logger.error({ err }, 'the keys of the issuer cannot be used: tried again in a minute')
  })
  return issuer
}

function sealedIssuer(url: string, store: Store): Issuer {
  const refuse = () => {
    throw new KeyholdError('ERR_SEALED')
  }
  return {
    url,
    tokens: { url, now: () => store.clock.now(), signer: refuse },
    publicKeys: () => [],
    pages: refuse,
    refresh: () => Promise.resolve(),
    keep: () => Promise.resolve(),
  }
}
