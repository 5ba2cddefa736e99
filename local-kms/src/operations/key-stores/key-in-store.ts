// A new key in a custom key store.
import type { RequestFields } from '../../fields/request-fields.ts'
import { connectionState } from '../../keys/custom-key-store.ts'
import type { KeyInStore, KeyOrigin } from '../../keys/key-record.ts'
import { findXksWords } from '../../keys/xks-failures.ts'
import { KmsError, validationError } from '../../kms-error.ts'
import type { Call } from '../call.ts'
import { getCustomKeyStore, invalidConnection } from './get-custom-key-store.ts'

export function keyInStoreFields(fields: RequestFields) {
  return {
    storeId: fields.text('CustomKeyStoreId', { min: 1, max: 64 }),
    xksKeyId: fields.text('XksKeyId', { min: 1, max: 128, pattern: /^[a-zA-Z0-9-_.]+$/ }),
  }
}

/**
 * Answers what the key's record keeps of its store; undefined for a key in no store.
 *
 * @throws KmsError when the store does not take such a key
 */
export function checkKeyInStore(
  call: Call,
  origin: KeyOrigin,
  { storeId, xksKeyId }: ReturnType<typeof keyInStoreFields>,
): KeyInStore | undefined {
  const isForStore = origin === 'AWS_CLOUDHSM' || origin === 'EXTERNAL_KEY_STORE'
  if (isForStore !== (storeId !== undefined)) {
    throw validationError(`CustomKeyStoreId and the Origin ${origin} do not go together.`)
  }
  if ((origin === 'EXTERNAL_KEY_STORE') !== (xksKeyId !== undefined)) {
    throw validationError(`XksKeyId and the Origin ${origin} do not go together.`)
  }
  if (storeId === undefined) return undefined
  const store = getCustomKeyStore(call, storeId)
  const { backing } = store
  if (backing.type !== origin) {
    throw validationError(`The custom key store has the type ${backing.type}, not ${origin}.`)
  }
  const state = connectionState(store, call.nowMs)
  if (state !== 'CONNECTED') throw invalidConnection(state)
  if (backing.type === 'AWS_CLOUDHSM') return { id: storeId, cloudHsmClusterId: backing.clusterId }
  const isTaken = call.store
    .list(store.account, store.region)
    .some(
      ({ record }) => record.customKeyStore?.id === storeId && record.customKeyStore.xksKeyId === xksKeyId,
    )
  if (isTaken) {
    throw new KmsError(
      'XksKeyAlreadyInUseException',
      'The external key is already associated with another KMS key in this external key store.',
    )
  }
  const failure = call.store.backingFailures.find(backing.endpoint, xksKeyId)
  const words = findXksWords(failure)
  if (words !== undefined) throw new KmsError(words.onKey, words.message)
  return { id: storeId, xksKeyId }
}
