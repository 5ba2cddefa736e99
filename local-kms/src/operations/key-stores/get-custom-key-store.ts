// The custom key store that a request names, and its refusals.
import type { ConnectionState, CustomKeyStore } from '../../keys/custom-key-store.ts'
import { KmsError } from '../../kms-error.ts'
import type { Call } from '../call.ts'

/** @throws KmsError CustomKeyStoreNotFoundException */
export function getCustomKeyStore(call: Call, id: string): CustomKeyStore {
  const store = call.store.findCustomKeyStore(call.caller.account, call.region, id)
  if (store === undefined) throw keyStoreNotFound(id)
  return store
}

export function keyStoreNotFound(name: string): KmsError {
  return new KmsError('CustomKeyStoreNotFoundException', `Custom key store ${name} is not found.`)
}

export function invalidConnection(state: ConnectionState): KmsError {
  return new KmsError(
    'CustomKeyStoreInvalidStateException',
    `The ConnectionState of the custom key store is ${state}, which is not valid for this operation.`,
  )
}
