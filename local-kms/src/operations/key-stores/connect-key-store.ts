// ConnectCustomKeyStore and DisconnectCustomKeyStore. They answer at once; the store's state follows a moment later.
import type { BackingFailure } from '../../keys/backing-failures.ts'
import { backingName, type Connection, connectionState } from '../../keys/custom-key-store.ts'
import { findXksWords } from '../../keys/xks-failures.ts'
import type { Call } from '../call.ts'
import { permitInAccount } from '../permit.ts'
import { getCustomKeyStore, invalidConnection } from './get-custom-key-store.ts'

// AWS takes minutes.
const settlingMs = 200

export const keyStoreConnections = {
  ConnectCustomKeyStore: connectCustomKeyStore,
  DisconnectCustomKeyStore: disconnectCustomKeyStore,
}

function connectCustomKeyStore(call: Call): object {
  const id = call.fields.read((fields) => fields.requiredText('CustomKeyStoreId', { min: 1, max: 64 }))
  permitInAccount(call, 'ConnectCustomKeyStore')
  const store = getCustomKeyStore(call, id)
  const state = connectionState(store, call.nowMs)
  if (state === 'DISCONNECTING' || state === 'FAILED') throw invalidConnection(state)
  if (state !== 'DISCONNECTED') return {}
  const errorCode = errorCodeOf(call.store.backingFailures.find(backingName(store)))
  const connection: Connection = {
    state: errorCode === undefined ? 'CONNECTED' : 'FAILED',
    settledAt: call.nowMs + settlingMs,
    errorCode,
  }
  call.store.putCustomKeyStore({ ...store, connection })
  return {}
}

function disconnectCustomKeyStore(call: Call): object {
  const id = call.fields.read((fields) => fields.requiredText('CustomKeyStoreId', { min: 1, max: 64 }))
  permitInAccount(call, 'DisconnectCustomKeyStore')
  const store = getCustomKeyStore(call, id)
  const state = connectionState(store, call.nowMs)
  if (state === 'DISCONNECTING' || state === 'DISCONNECTED') throw invalidConnection(state)
  const connection: Connection = { state: 'DISCONNECTED', settledAt: call.nowMs + settlingMs }
  call.store.putCustomKeyStore({ ...store, connection })
  return {}
}

// A proxy that denies a key, or does not know it, still connects.
function errorCodeOf(failure: BackingFailure | undefined): string | undefined {
  if (failure === undefined) return undefined
  const xks = findXksWords(failure)
  return xks === undefined ? failure : xks.onStore?.code
}
