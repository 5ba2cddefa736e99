// Signing keys as a replica opens them, and their rotation, for tests.
import { keyFromBytes } from '@keyhold/core'
import {
  rotateSigningKey,
  type RotationParts,
} from '../../src/installation/signing-keys/rotate-signing-key.ts'
import { openSigningKeys } from '../../src/installation/signing-keys/signing-keys.ts'
import type { SigningKey } from '../../src/kms/signing-key.ts'
import { commandActor } from '../../src/store/audits.ts'
import type { Store } from '../../src/store/store.ts'
import { signingCrypto } from '../../src/wiring/open-signer.ts'

export const rootKey = { id: '7e57'.repeat(4), key: keyFromBytes(Buffer.alloc(32, 7)) }
export const crypto = signingCrypto(rootKey)

export type Pinned = Parameters<typeof openSigningKeys>[0]['pinned']
export type KeysUnderTest = Awaited<ReturnType<typeof openKeys>>

/** @param pinned - what the replica has kept in its file */
export async function openKeys(store: Store, pinned?: Pinned) {
  const learned: string[][] = []
  let broken = 0
  const keys = await openSigningKeys({
    ...{ store, crypto, pinned },
    onLearned: (set) => learned.push(set.keys.map(({ kid }) => kid)),
    onBroken: () => broken++,
  })
  return { ...keys, learned, broken: () => broken, ids: () => keys.publicKeys().keys.map(({ kid }) => kid) }
}

export async function currentIdIn(store: Store): Promise<string> {
  return (await store.installation.findSigningKey())?.id ?? ''
}

/** @param expected - the id of the key that is replaced. Default: the one that signs now */
export async function rotateIn(
  store: Store,
  expected?: string,
  parts: Partial<RotationParts<SigningKey>> = {},
) {
  return rotateSigningKey({ store, crypto, ...parts }, expected ?? (await currentIdIn(store)), commandActor)
}

/** Signs some words in a transaction of the store. */
export function signIn(store: Store, keys: KeysUnderTest): Promise<string> {
  return store.transaction(async (transaction) => (await keys.holdSigner(transaction))({ some: 'words' }))
}

export function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'done',
    (error: unknown) => String((error as { code?: unknown }).code ?? error),
  )
}
