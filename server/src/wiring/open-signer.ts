// The installation's signing keys. A sealed replica signs nothing.
import { KeyholdError } from '@keyhold/core'
import { setTimeout as pause } from 'node:timers/promises'
import type { Logger } from 'pino'
import { claimSigningKey } from '../installation/claim-signing-key.ts'
import { keptSigningKeys, type KeptSigningKeys } from '../installation/signing-keys/kept-signing-keys.ts'
import type { PublicSigningKeys } from '../installation/signing-keys/public-signing-keys.ts'
import type { SigningCrypto } from '../installation/signing-keys/signing-crypto.ts'
import { openSigningKeys, type SigningKeys } from '../installation/signing-keys/signing-keys.ts'
import type { RootKey } from '../kms/root-key-file.ts'
import {
  createSigningKey,
  openSigningKey,
  readOwnJws,
  readPublicKey,
  signJws,
  type SigningKey,
} from '../kms/signing-key.ts'
import type { Store } from '../store/store.ts'
import type { Closers } from './close-all.ts'

export type Signer = SigningKeys

const closeMs = 1_000

interface SignerParts {
  store: Store
  /** Undefined: this replica is sealed. */
  rootKey: RootKey | undefined
  /** The folder for what is kept outside of the database. */
  stateDir: string
  /** Those of other replicas of this machine, whose knowledge counts as well. */
  otherStateDirs: readonly string[]
}

export function signingCrypto(rootKey: RootKey): SigningCrypto<SigningKey> {
  return {
    create: () => createSigningKey(rootKey),
    open: (stored) => openSigningKey(rootKey, stored),
    readPublicKey,
    readJws: readOwnJws,
    sign: signJws,
  }
}

/**
 * @param closers - receives the function that waits for the file
 * @throws KeyholdError `ERR_SIGNING_KEY_MISSING`, `ERR_KEY_INTEGRITY`, `ERR_RECORD_NOT_AUTHENTIC`
 */
export async function openSigner(
  { store, rootKey, stateDir, otherStateDirs }: SignerParts,
  logger: Logger,
  closers: Closers,
): Promise<Signer> {
  if (rootKey === undefined) return sealedSigner
  const crypto = signingCrypto(rootKey)
  const kept = keptSigningKeys(stateDir)
  const pinned = await findNewest([kept, ...otherStateDirs.map((folder) => keptSigningKeys(folder))])
  await claimSigningKey(store, pinned !== undefined, crypto.create)
  const file = createFileWriter(kept, logger)
  closers.push(() => Promise.race([file.settled(), pause(closeMs, undefined, { ref: false })]))
  let isTold = false
  const keys = await openSigningKeys({
    ...{ store, crypto, pinned },
    onLearned: (learned) => {
      file.write(learned)
    },
    onBroken: () => {
      if (isTold) return
      isTold = true
      logger.error(
        'rows of former_signing_keys are missing, or are not as Keyhold wrote them: what those keys have signed cannot be verified',
      )
    },
  })
  await file.settled()
  return {
    ...keys,
    // The next signature tries it again.
    refresh: () =>
      keys.refresh().catch((err: unknown) => {
        logger.warn({ err }, 'the signing key could not be read: tried again with the next signature')
      }),
  }
}

/** The longest history of all files: rotations are only ever added. */
async function findNewest(files: readonly KeptSigningKeys[]) {
  const found = await Promise.all(
    files.map(async (kept) => {
      const history = await kept.find()
      return history && { ...history, file: kept.file }
    }),
  )
  const known = found.filter((each) => each !== undefined)
  return known.toSorted((a, b) => b.keys.length - a.keys.length)[0]
}

/** The newest keys are written last. */
function createFileWriter(kept: KeptSigningKeys, logger: Logger) {
  let last: Promise<void> = Promise.resolve()
  return {
    write(keys: PublicSigningKeys) {
      last = last
        .then(() => kept.keep(keys))
        .catch((err: unknown) => {
          logger.warn({ file: kept.file, err }, 'the public signing keys could not be kept in a file')
        })
    },
    settled: () => last,
  }
}

const refuse = () => {
  throw new KeyholdError('ERR_SEALED')
}

const sealedSigner: Signer = {
  holdSigner: () => Promise.reject(new KeyholdError('ERR_SEALED')),
  readOwn: refuse,
  openRecord: () => Promise.reject(new KeyholdError('ERR_SEALED')),
  isOwnKey: () => false,
  publicKeys: () => ({ keys: [] }),
  refresh: () => Promise.resolve(),
}
