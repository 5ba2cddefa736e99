// A failing XKS proxy, and its effect on cryptography, of new keys and stores, and of connections.
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { BackingFailure } from '../../src/index.ts'
import { refusal } from '../kms-under-test.ts'
import { endpoint, invalidState, settlingMs, startKeyStores } from './key-stores-under-test.ts'

const started = await startKeyStores()
const { kms, pass, createStore, connect, connectedStore, describeStore, xksKey, encrypt, decrypt } = started

afterEach(() => {
  kms.backingFailures.clear(endpoint)
})

describe('a proxy that fails', () => {
  let store: string
  let keyId: string
  let sealed: Uint8Array | undefined
  beforeAll(async () => {
    store = await connectedStore()
    keyId = (await xksKey(store, 'used')).keyId
    sealed = await encrypt(keyId)
  })

  // failure, the part of the text that tells it from others, CreateKey, CreateCustomKeyStore, the connection's code
  test.each<[BackingFailure, string, string, string?, string?]>([
    ['AccessDeniedException', 'denied access to the operation', 'KMSInvalidStateException'],
    [
      'InvalidStateException',
      'is not enabled in the external key manager',
      'XksKeyInvalidConfigurationException',
    ],
    ['KeyNotFoundException', 'was not found in its external key manager', 'XksKeyNotFoundException'],
    [
      'InvalidKeyUsageException',
      'does not support the requested operation',
      'XksKeyInvalidConfigurationException',
    ],
    [
      'UnsupportedOperationException',
      'does not support the requested operation',
      'XksKeyInvalidResponseException',
    ],
    [
      'InvalidCiphertextException',
      'ciphertext or encryption context is corrupted',
      'CustomKeyStoreInvalidStateException',
    ],
    ['InvalidCiphertext', 'submitted for decryption', 'CustomKeyStoreInvalidStateException'],
    [
      'ThrottlingException',
      'very high request rate',
      'CustomKeyStoreInvalidStateException',
      'XksProxyUriUnreachableException',
      'XKS_PROXY_NOT_REACHABLE',
    ],
    [
      'DependencyTimeoutException',
      'did not respond to the request in the time allotted',
      'CustomKeyStoreInvalidStateException',
      'XksProxyUriUnreachableException',
      'XKS_PROXY_TIMED_OUT',
    ],
    [
      'SocketTimeout',
      'did not respond in time',
      'CustomKeyStoreInvalidStateException',
      'XksProxyUriUnreachableException',
      'XKS_PROXY_TIMED_OUT',
    ],
    [
      'InternalException',
      'cannot communicate with the external key manager',
      'CustomKeyStoreInvalidStateException',
      'XksProxyInvalidResponseException',
      'XKS_PROXY_NOT_REACHABLE',
    ],
    [
      'NoTcpConnection',
      'cannot communicate with the external key store proxy',
      'CustomKeyStoreInvalidStateException',
      'XksProxyUriUnreachableException',
      'XKS_PROXY_NOT_REACHABLE',
    ],
    [
      'NoTlsConnection',
      'cannot establish a TLS connection',
      'CustomKeyStoreInvalidStateException',
      'XksProxyUriUnreachableException',
      'XKS_PROXY_INVALID_TLS_CONFIGURATION',
    ],
    [
      'ValidationException',
      'cannot interpret the response',
      'CustomKeyStoreInvalidStateException',
      'XksProxyInvalidResponseException',
      'XKS_PROXY_INVALID_RESPONSE',
    ],
    [
      'MalformedResponse',
      'cannot interpret the response',
      'CustomKeyStoreInvalidStateException',
      'XksProxyInvalidResponseException',
      'XKS_PROXY_INVALID_RESPONSE',
    ],
    [
      'AuthenticationFailedException',
      'could not authenticate AWS KMS',
      'CustomKeyStoreInvalidStateException',
      'XksProxyIncorrectAuthenticationCredentialException',
      'INVALID_CREDENTIALS',
    ],
    [
      'InvalidUriPathException',
      'because of an invalid URI path',
      'CustomKeyStoreInvalidStateException',
      'XksProxyInvalidConfigurationException',
      'XKS_PROXY_INVALID_CONFIGURATION',
    ],
  ])('with %s says that it %s', async (failure, words, onKey, onStore, code) => {
    const waiting = await createStore()
    kms.backingFailures.put(endpoint, failure)
    const message = expect.stringContaining(words) as string
    expect(await refusal(decrypt(sealed))).toStrictEqual(invalidState(message))
    expect(await refusal(xksKey(store, 'another'))).toMatchObject({ name: onKey, message })
    if (onStore === undefined) await createStore()
    else expect(await refusal(createStore())).toMatchObject({ name: onStore, message })
    const CustomKeyStoreId = waiting.CustomKeyStoreId ?? ''
    await connect(CustomKeyStoreId)
    pass(settlingMs)
    const { ConnectionState, ConnectionErrorCode } = (await describeStore(CustomKeyStoreId)) ?? {}
    expect([ConnectionState, ConnectionErrorCode]).toStrictEqual(
      code === undefined ? ['CONNECTED', undefined] : ['FAILED', code],
    )
    kms.backingFailures.clear(endpoint)
    expect(await decrypt(sealed)).toBe('x')
  })

  test('for one external key leaves the others alone; switched over HTTP', async () => {
    const other = await xksKey(store, 'other')
    const path = `key-store-backings/${encodeURIComponent(endpoint)}`
    const body = { failure: 'InvalidStateException', externalKeyId: 'used' }
    expect((await kms.control('PUT', path, body)).status).toBe(201)
    expect((await refusal(encrypt(keyId))).name).toBe('KMSInvalidStateException')
    expect(await decrypt(await encrypt(other.keyId))).toBe('x')
    expect((await kms.control('DELETE', path)).status).toBe(204)
    expect(await decrypt(await encrypt(keyId))).toBe('x')
    expect((await kms.control('PUT', path, { failure: 'Nonsense' })).status).toBe(400)
  })
})
