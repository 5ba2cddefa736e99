// The cryptography of a key in a custom key store needs a connected store whose backing works.
import { backingName } from '../../keys/custom-key-store.ts'
import type { Key } from '../../keys/key-record.ts'
import { findXksWords, notConnectedToProxy } from '../../keys/xks-failures.ts'
import { KmsError } from '../../kms-error.ts'
import type { Call } from '../call.ts'

/** @throws KmsError KMSInvalidStateException; its message alone says what is wrong */
export function requireBacking(call: Call, key: Key, direction: 'encrypt' | 'decrypt'): void {
  const inStore = key.record.customKeyStore
  if (inStore === undefined) return
  const isExternal = key.record.origin === 'EXTERNAL_KEY_STORE'
  if (key.isUnavailable === true)
    throw invalidState(isExternal ? notConnectedToProxy : `${key.arn} is unavailable.`)
  const store = call.store.findCustomKeyStore(key.record.account, key.region, inStore.id)
  const failure = store && call.store.backingFailures.find(backingName(store), inStore.xksKeyId)
  if (failure === undefined) return
  if (failure.startsWith('InvalidCiphertext') && direction === 'encrypt') return
  const words = findXksWords(failure)
  throw invalidState(words?.message ?? `${key.arn} is unavailable.`)
}

/** The refusal of a ciphertext or a context: a proxy's, for a key that it keeps. */
export function invalidCiphertextOf(key: Key, error: unknown): unknown {
  const isRefused = error instanceof KmsError && error.name === 'InvalidCiphertextException'
  const words = findXksWords('InvalidCiphertextException')
  if (!isRefused || key.record.origin !== 'EXTERNAL_KEY_STORE' || words === undefined) return error
  return invalidState(words.message)
}

function invalidState(message: string): KmsError {
  return new KmsError('KMSInvalidStateException', message)
}
