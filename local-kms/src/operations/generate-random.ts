// GenerateRandom, from this process or from the HSMs of a CloudHSM key store.
import { randomBytes } from 'node:crypto'
import { connectionState } from '../keys/custom-key-store.ts'
import { unsupportedOperation, validationError } from '../kms-error.ts'
import type { Call } from './call.ts'
import { getCustomKeyStore, invalidConnection } from './key-stores/get-custom-key-store.ts'
import { permitInAccount } from './permit.ts'

export const randomOperations = { GenerateRandom: generateRandom }

function generateRandom(call: Call): object {
  const { bytes, storeId } = call.fields.read((fields) => ({
    bytes: fields.integer('NumberOfBytes', { min: 1, max: 1024 }),
    storeId: fields.text('CustomKeyStoreId', { min: 1, max: 64 }),
  }))
  if (call.fields.has('Recipient')) throw unsupportedOperation('Nitro enclaves are not offered by local-kms.')
  if (bytes === undefined) throw validationError('NumberOfBytes is required.')
  permitInAccount(call, 'GenerateRandom')
  if (storeId !== undefined) {
    const store = getCustomKeyStore(call, storeId)
    if (store.backing.type !== 'AWS_CLOUDHSM') {
      throw unsupportedOperation('An external key store generates no random bytes.')
    }
    const state = connectionState(store, call.nowMs)
    if (state !== 'CONNECTED') throw invalidConnection(state)
  }
  return { Plaintext: randomBytes(bytes).toString('base64') }
}
