// A tenant's wraps open for that tenant alone: not through AWS KMS with another tenant's context, and not from
// another tenant's rows in the database.
import { DecryptCommand, KMSClient } from '@aws-sdk/client-kms'
import { afterAll, beforeAll, expect, it } from 'vitest'
import {
  keyholdAccount,
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../testkit/src/server/start-test-server.ts'
import { at, errorCode } from './read-body.ts'
import { encryptText, migrateTo, registerKey } from './scene.ts'
import { resignDatabase } from '../../../testkit/src/database/resign.ts'

let server: TestServer
let asKeyhold: KMSClient
beforeAll(async () => {
  server = await startTestServer({ KEYHOLD_KEY_CACHE_TTL_SECONDS: '0' })
  asKeyhold = new KMSClient({
    region: 'eu-west-1',
    endpoint: server.kms.url,
    credentials: { accessKeyId: keyholdAccount, secretAccessKey: 'test' },
  })
})
afterAll(async () => {
  asKeyhold.destroy()
  await server.stop()
})

const decrypt = (tenant: TestTenant, token: string) =>
  server.request('POST', '/api/v1/encryption/decrypt', {
    token: tenant.serviceToken,
    body: { items: [{ token }] },
  })

async function storedWrap({ tenantId }: TestTenant): Promise<{ keyArn: string; blob: Buffer }> {
  const [row] = await server.query(
    `select key_arn, wrapped from keyhold.tenant_keys where tenant_id = $1 and state = 'active'`,
    [tenantId],
  )
  const { key_arn: keyArn, wrapped } = row as { key_arn: string; wrapped: Buffer }
  return { keyArn, blob: Buffer.from(wrapped.toString('latin1').split(':')[2] ?? '', 'base64') }
}

async function withOwnKey(): Promise<TestTenant> {
  const tenant = await server.createTenant()
  const { fingerprint } = await registerKey(server, tenant, await server.createCustomerKey([tenant.tenantId]))
  await migrateTo(server, tenant, fingerprint)
  return tenant
}

it('opens a stored wrap through AWS KMS with the context of its own tenant alone', async () => {
  const [a, b] = [await withOwnKey(), await withOwnKey()]
  const { keyArn, blob } = await storedWrap(a)
  const open = (context: Record<string, string>) =>
    asKeyhold.send(new DecryptCommand({ KeyId: keyArn, CiphertextBlob: blob, EncryptionContext: context }))

  expect((await open({ tenantId: a.tenantId })).Plaintext).toHaveLength(32)
  // The policy names A; with B in the context it is no longer A's key to use.
  await expect(open({ tenantId: b.tenantId })).rejects.toMatchObject({ name: 'AccessDeniedException' })
  await expect(open({})).rejects.toMatchObject({ name: 'AccessDeniedException' })
})

it('does not open the wrap of another tenant under a key that both share', async () => {
  const [a, b] = [await server.createTenant(), await server.createTenant()]
  const { arn, fingerprint } = await registerKey(server, a)
  await registerKey(server, b, arn)
  await migrateTo(server, a, fingerprint)
  const { keyArn, blob } = await storedWrap(a)

  const opened = asKeyhold.send(
    new DecryptCommand({
      KeyId: keyArn,
      CiphertextBlob: blob,
      EncryptionContext: { tenantId: b.tenantId },
    }),
  )

  await expect(opened).rejects.toMatchObject({ name: 'InvalidCiphertextException' })
})

it("fails closed when A's cipherkey is copied over B's", async () => {
  const [a, b] = [await server.createTenant(), await server.createTenant()]
  const ofA = await encryptText(server, a, 'of A')
  const ofB = await encryptText(server, b, 'of B')

  await server.query(
    `update keyhold.cipherkeys b set wrapped = a.wrapped, key_check_value = a.key_check_value
       from keyhold.cipherkeys a where a.tenant_id = $1 and b.tenant_id = $2`,
    [a.tenantId, b.tenantId],
  )

  const answer = await decrypt(b, ofB)
  expect(answer.body).toMatchObject({ items: [{ error: { code: 'ERR_KEY_INTEGRITY' } }] })
  expect((await decrypt(b, ofA)).body).toMatchObject({
    items: [{ error: { code: 'ERR_DECRYPTION_FAILED' } }],
  })
})

it("fails closed when A's cipherkey is added to B's with its id", async () => {
  const [a, b] = [await server.createTenant(), await server.createTenant()]
  const ofA = await encryptText(server, a, 'of A')

  await server.query(
    `insert into keyhold.cipherkeys
       (tenant_id, data_key_id, version, key_name, state, tenant_key_version, wrapped, key_check_value)
       select $2, data_key_id, version, key_name, state, tenant_key_version, wrapped, key_check_value
       from keyhold.cipherkeys where tenant_id = $1`,
    [a.tenantId, b.tenantId],
  )

  const answer = await decrypt(b, ofA)
  expect(at(answer.body, 'items', 0, 'error', 'code')).toBe('ERR_KEY_INTEGRITY')
  expect(answer.text).not.toContain(Buffer.from('of A').toString('base64'))
})

it("fails closed when A's tenant key and cipherkey are both copied over B's, in every kind of KMS", async () => {
  const arn = await server.createCustomerKey()
  for (const isOwnKey of [false, true]) {
    const [a, b] = [await server.createTenant(), await server.createTenant()]
    for (const tenant of isOwnKey ? [a, b] : []) {
      await migrateTo(server, tenant, (await registerKey(server, tenant, arn)).fingerprint)
    }
    const ofA = await encryptText(server, a, 'of A')
    const ofB = await encryptText(server, b, 'of B')

    await server.query(
      `update keyhold.tenant_keys b set wrapped = a.wrapped, key_check_value = a.key_check_value
         from keyhold.tenant_keys a
         where a.tenant_id = $1 and b.tenant_id = $2 and a.version = b.version and b.state = 'active'`,
      [a.tenantId, b.tenantId],
    )
    await resignDatabase(server.databaseConnection())
    await server.query(
      `update keyhold.cipherkeys b
         set wrapped = a.wrapped, key_check_value = a.key_check_value, data_key_id = a.data_key_id
         from keyhold.cipherkeys a where a.tenant_id = $1 and b.tenant_id = $2`,
      [a.tenantId, b.tenantId],
    )

    const answer = await decrypt(b, ofA)
    expect([answer.status, errorCode(answer.body)]).toEqual([424, 'ERR_KMS_INVALID_CIPHERTEXT'])
    expect(at((await decrypt(b, ofB)).body, 'items', 0, 'plaintext')).toBeUndefined()
    expect((await decrypt(a, ofA)).status).toBe(200)
  }
})
