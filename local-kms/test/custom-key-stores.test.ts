// Custom key stores: their connection, their keys, and what a cluster or a proxy that fails makes of calls.
import {
  ConnectCustomKeyStoreCommand,
  CreateCustomKeyStoreCommand,
  type CreateCustomKeyStoreCommandInput,
  DecryptCommand,
  DeleteCustomKeyStoreCommand,
  DescribeCustomKeyStoresCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  DisconnectCustomKeyStoreCommand,
  EnableKeyRotationCommand,
  EncryptCommand,
  GenerateRandomCommand,
  paginateDescribeCustomKeyStores,
  ScheduleKeyDeletionCommand,
  UpdateCustomKeyStoreCommand,
} from '@aws-sdk/client-kms'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { BackingFailure } from '../src/index.ts'
import { bytes, createKey, refusal, startKms, text } from './kms-under-test.ts'

let now = Date.now()
const kms = await startKms({ now: () => now })
const client = kms.client()
const endpoint = 'https://xks.example.com'
const cluster = 'cluster-abcdefghijk'

const credential = (AccessKeyId = 'ABCDEFGHIJKLMNOPQRST') => ({
  AccessKeyId,
  RawSecretAccessKey: 'x'.repeat(43),
})
let stores = 0

function createStore(input: Partial<CreateCustomKeyStoreCommandInput> = {}) {
  stores++
  const command = new CreateCustomKeyStoreCommand({
    CustomKeyStoreName: `store ${stores}`,
    CustomKeyStoreType: 'EXTERNAL_KEY_STORE',
    XksProxyUriEndpoint: endpoint,
    XksProxyUriPath: `/number${stores}/kms/xks/v1`,
    XksProxyConnectivity: 'PUBLIC_ENDPOINT',
    XksProxyAuthenticationCredential: credential(),
    ...input,
  })
  return client.send(command)
}

const createCluster = (CloudHsmClusterId: string, CustomKeyStoreName = CloudHsmClusterId) =>
  client.send(
    new CreateCustomKeyStoreCommand({
      CustomKeyStoreName,
      CloudHsmClusterId,
      TrustAnchorCertificate: 'certificate',
      KeyStorePassword: 'password',
    }),
  )
const connect = (CustomKeyStoreId: string) =>
  client.send(new ConnectCustomKeyStoreCommand({ CustomKeyStoreId }))
const disconnect = (CustomKeyStoreId: string) =>
  client.send(new DisconnectCustomKeyStoreCommand({ CustomKeyStoreId }))
const describeStore = async (CustomKeyStoreId: string) =>
  (await client.send(new DescribeCustomKeyStoresCommand({ CustomKeyStoreId }))).CustomKeyStores?.[0]

async function connectedStore(made: Promise<{ CustomKeyStoreId?: string | undefined }> = createStore()) {
  const { CustomKeyStoreId = '' } = await made
  await connect(CustomKeyStoreId)
  now += 200
  return CustomKeyStoreId
}

const xksKey = (CustomKeyStoreId: string, XksKeyId: string) =>
  createKey(client, { Origin: 'EXTERNAL_KEY_STORE', CustomKeyStoreId, XksKeyId })
const encrypt = async (KeyId: string) =>
  (await client.send(new EncryptCommand({ KeyId, Plaintext: bytes('x'), EncryptionContext: { a: 'b' } })))
    .CiphertextBlob
const decrypt = async (CiphertextBlob: Uint8Array | undefined, a = 'b') =>
  text((await client.send(new DecryptCommand({ CiphertextBlob, EncryptionContext: { a } }))).Plaintext)
const invalidState = (message: string) => ({ name: 'KMSInvalidStateException', message, status: 400 })

afterEach(() => {
  for (const backing of [endpoint, cluster]) kms.backingFailures.clear(backing)
})

test('a store is connected a moment after it was asked to be, and its keys are described with it', async () => {
  const { CustomKeyStoreId = '' } = await createStore({ CustomKeyStoreName: 'mine' })
  expect(CustomKeyStoreId).toMatch(/^cks-[0-9a-f]{17}$/)
  const described = {
    CustomKeyStoreName: 'mine',
    CustomKeyStoreType: 'EXTERNAL_KEY_STORE',
    XksProxyConfiguration: { UriEndpoint: endpoint, AccessKeyId: 'ABCDEFGHIJKLMNOPQRST' },
  }
  expect(await describeStore(CustomKeyStoreId)).toMatchObject({
    ...described,
    ConnectionState: 'DISCONNECTED',
  })
  expect((await refusal(xksKey(CustomKeyStoreId, 'k'))).name).toBe('CustomKeyStoreInvalidStateException')
  await connect(CustomKeyStoreId)
  expect(await describeStore(CustomKeyStoreId)).toMatchObject({ ConnectionState: 'CONNECTING' })
  now += 200
  expect(await describeStore(CustomKeyStoreId)).toMatchObject({ ConnectionState: 'CONNECTED' })
  const { keyId, metadata } = await xksKey(CustomKeyStoreId, 'external-1')
  expect(metadata).toMatchObject({
    Origin: 'EXTERNAL_KEY_STORE',
    KeyState: 'Enabled',
    CustomKeyStoreId,
    XksKeyConfiguration: { Id: 'external-1' },
  })
  const sealed = await encrypt(keyId)
  expect(await decrypt(sealed)).toBe('x')
  expect(await refusal(decrypt(sealed, 'c'))).toMatchObject(
    invalidState(
      'The external key store proxy rejected the request because the specified ciphertext or encryption context is corrupted, missing, or otherwise invalid.',
    ),
  )
})

describe('a key of a store that is disconnected', () => {
  test('is unavailable, in the words for its kind of store, and can still be managed', async () => {
    const external = await connectedStore()
    const hsm = await connectedStore(createCluster(cluster))
    const { keyId } = await xksKey(external, 'k')
    const inHsm = await createKey(client, { Origin: 'AWS_CLOUDHSM', CustomKeyStoreId: hsm })
    expect(inHsm.metadata).toMatchObject({ CloudHsmClusterId: cluster, Origin: 'AWS_CLOUDHSM' })
    const [sealed, sealedInHsm] = [await encrypt(keyId), await encrypt(inHsm.keyId)]
    for (const id of [external, hsm]) await disconnect(id)
    expect(await refusal(decrypt(sealed))).toStrictEqual(
      invalidState(
        'This KMS key is in a custom key store that is not connected to its external key store proxy. Connect the external key store and try the request again.',
      ),
    )
    expect(await refusal(decrypt(sealedInHsm))).toStrictEqual(invalidState(`${inHsm.arn} is unavailable.`))
    const state = async () =>
      (await client.send(new DescribeKeyCommand({ KeyId: keyId }))).KeyMetadata?.KeyState
    expect(await state()).toBe('Unavailable')
    await client.send(new DisableKeyCommand({ KeyId: keyId }))
    now += 200
    for (const id of [external, hsm]) await connect(id)
    now += 200
    expect(await state()).toBe('Disabled')
    expect(await decrypt(sealedInHsm)).toBe('x')
  })
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
    now += 200
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

test('a cluster that fails is not connected, and says why', async () => {
  const { CustomKeyStoreId = '' } = await createCluster('cluster-failing2345')
  kms.backingFailures.put('cluster-failing2345', 'USER_LOCKED_OUT')
  await connect(CustomKeyStoreId)
  now += 200
  expect(await describeStore(CustomKeyStoreId)).toMatchObject({
    ConnectionState: 'FAILED',
    ConnectionErrorCode: 'USER_LOCKED_OUT',
  })
  expect((await refusal(connect(CustomKeyStoreId))).name).toBe('CustomKeyStoreInvalidStateException')
  await disconnect(CustomKeyStoreId)
  now += 200
  kms.backingFailures.clear('cluster-failing2345')
  await connect(CustomKeyStoreId)
  kms.backingFailures.put('cluster-missing2345', 'CLUSTER_NOT_FOUND')
  expect((await refusal(createCluster('cluster-missing2345'))).name).toBe('CloudHsmClusterNotFoundException')
  expect((await refusal(createCluster('cluster-failing2345', 'again'))).name).toBe(
    'CloudHsmClusterInUseException',
  )
})

describe('a store', () => {
  test('takes another path while connected, and another endpoint only when disconnected', async () => {
    const CustomKeyStoreId = await connectedStore()
    const update = (input: object) =>
      client.send(new UpdateCustomKeyStoreCommand({ CustomKeyStoreId, ...input }))
    const path = '/moved/kms/xks/v1'
    await update({ NewCustomKeyStoreName: 'moved', XksProxyUriPath: path })
    const elsewhere = { XksProxyUriEndpoint: 'https://elsewhere.example.com' }
    expect((await refusal(update(elsewhere))).name).toBe('CustomKeyStoreInvalidStateException')
    await disconnect(CustomKeyStoreId)
    now += 200
    await update(elsewhere)
    expect(await describeStore(CustomKeyStoreId)).toMatchObject({
      CustomKeyStoreName: 'moved',
      XksProxyConfiguration: { UriPath: path, UriEndpoint: 'https://elsewhere.example.com' },
    })
  })

  test('is deleted when it is disconnected and has no keys', async () => {
    const CustomKeyStoreId = await connectedStore()
    const { keyId } = await xksKey(CustomKeyStoreId, 'k')
    const remove = () => client.send(new DeleteCustomKeyStoreCommand({ CustomKeyStoreId }))
    expect((await refusal(remove())).name).toBe('CustomKeyStoreInvalidStateException')
    await disconnect(CustomKeyStoreId)
    now += 200
    expect((await refusal(remove())).name).toBe('CustomKeyStoreHasCMKsException')
    await client.send(new ScheduleKeyDeletionCommand({ KeyId: keyId, PendingWindowInDays: 7 }))
    now += 7 * 86_400_000
    await remove()
    expect((await refusal(describeStore(CustomKeyStoreId))).name).toBe('CustomKeyStoreNotFoundException')
  })

  test('is listed in pages, or found by its name', async () => {
    await createStore({ CustomKeyStoreName: 'named' })
    const found = new DescribeCustomKeyStoresCommand({ CustomKeyStoreName: 'named' })
    expect((await client.send(found)).CustomKeyStores).toHaveLength(1)
    let listed = 0
    for await (const page of paginateDescribeCustomKeyStores({ client, pageSize: 3 }, {})) {
      listed += page.CustomKeyStores?.length ?? 0
    }
    expect(listed).toBeGreaterThan(3)
  })

  test.each<[string, () => Promise<unknown>, string]>([
    [
      'of a name that is taken',
      () => createStore({ CustomKeyStoreName: 'mine' }),
      'CustomKeyStoreNameInUseException',
    ],
    ['without a path', () => createStore({ XksProxyUriPath: undefined }), 'ValidationException'],
    [
      'with a short secret',
      () => createStore({ XksProxyAuthenticationCredential: { ...credential(), RawSecretAccessKey: 'x' } }),
      'ValidationException',
    ],
    [
      'of a proxy that has one',
      async () => {
        await createStore({ XksProxyUriPath: '/same/kms/xks/v1' })
        return createStore({ XksProxyUriPath: '/same/kms/xks/v1' })
      },
      'XksProxyUriInUseException',
    ],
  ])('%s is refused', async (_, create, name) => {
    expect((await refusal(create())).name).toBe(name)
  })
})

test('a key in a store has rules of its own', async () => {
  const CustomKeyStoreId = await connectedStore()
  const { keyId, arn } = await xksKey(CustomKeyStoreId, 'k')
  const external = { Origin: 'EXTERNAL_KEY_STORE', CustomKeyStoreId, XksKeyId: 'other' } as const
  expect((await refusal(xksKey(CustomKeyStoreId, 'k'))).name).toBe('XksKeyAlreadyInUseException')
  expect((await refusal(createKey(client, { ...external, MultiRegion: true }))).name).toBe(
    'UnsupportedOperationException',
  )
  expect((await refusal(createKey(client, { ...external, XksKeyId: undefined }))).name).toBe(
    'ValidationException',
  )
  expect((await refusal(createKey(client, { CustomKeyStoreId }))).name).toBe('ValidationException')
  expect((await refusal(client.send(new EnableKeyRotationCommand({ KeyId: keyId })))).message).toBe(
    `${arn} origin is EXTERNAL_KEY_STORE which is not valid for this operation.`,
  )
})

test('GenerateRandom answers as many bytes as asked for, from a connected cluster too', async () => {
  const random = (input: object) => client.send(new GenerateRandomCommand(input))
  expect((await random({ NumberOfBytes: 1024 })).Plaintext).toHaveLength(1024)
  const { message } = await refusal(random({}))
  expect(message).toBe('NumberOfBytes is required.')
  const { CustomKeyStoreId } = await createCluster('cluster-random23456')
  expect((await refusal(random({ NumberOfBytes: 1, CustomKeyStoreId }))).name).toBe(
    'CustomKeyStoreInvalidStateException',
  )
  await connect(CustomKeyStoreId ?? '')
  now += 200
  expect((await random({ NumberOfBytes: 3, CustomKeyStoreId })).Plaintext).toHaveLength(3)
})
