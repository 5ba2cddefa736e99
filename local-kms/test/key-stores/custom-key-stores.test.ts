// Custom key stores: how they connect, what their keys can do meanwhile, and what makes them change.
import {
  DeleteCustomKeyStoreCommand,
  DescribeCustomKeyStoresCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EnableKeyRotationCommand,
  GenerateRandomCommand,
  paginateDescribeCustomKeyStores,
  ScheduleKeyDeletionCommand,
  UpdateCustomKeyStoreCommand,
} from '@aws-sdk/client-kms'
import { describe, expect, test } from 'vitest'
import { createKey, refusal } from '../kms-under-test.ts'
import { credential, endpoint, invalidState, settlingMs, startKeyStores } from './key-stores-under-test.ts'

const cluster = 'cluster-abcdefghijk'
const started = await startKeyStores()
const { kms, client, pass, createStore, createCluster, connect, connectedStore, disconnect } = started
const { describeStore, xksKey, encrypt, decrypt } = started

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
  pass(settlingMs)
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
    pass(settlingMs)
    for (const id of [external, hsm]) await connect(id)
    pass(settlingMs)
    expect(await state()).toBe('Disabled')
    expect(await decrypt(sealedInHsm)).toBe('x')
  })
})

test('a cluster that fails is not connected, and says why', async () => {
  const { CustomKeyStoreId = '' } = await createCluster('cluster-failing2345')
  kms.backingFailures.put('cluster-failing2345', 'USER_LOCKED_OUT')
  await connect(CustomKeyStoreId)
  pass(settlingMs)
  expect(await describeStore(CustomKeyStoreId)).toMatchObject({
    ConnectionState: 'FAILED',
    ConnectionErrorCode: 'USER_LOCKED_OUT',
  })
  expect((await refusal(connect(CustomKeyStoreId))).name).toBe('CustomKeyStoreInvalidStateException')
  await disconnect(CustomKeyStoreId)
  pass(settlingMs)
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
    pass(settlingMs)
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
    pass(settlingMs)
    expect((await refusal(remove())).name).toBe('CustomKeyStoreHasCMKsException')
    await client.send(new ScheduleKeyDeletionCommand({ KeyId: keyId, PendingWindowInDays: 7 }))
    pass(7 * 86_400_000)
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
  pass(settlingMs)
  expect((await random({ NumberOfBytes: 3, CustomKeyStoreId })).Plaintext).toHaveLength(3)
})
