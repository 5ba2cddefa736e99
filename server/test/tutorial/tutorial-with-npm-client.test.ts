// The tutorial with the npm client of the original API. It caches what it reads, hence `noCache`.
import encryption from '@qlik/api/encryption'
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../testkit/src/server/start-test-server.ts'

let server: TestServer
let tenant: TestTenant
beforeAll(async () => {
  server = await startTestServer()
  tenant = await server.createTenant()
})
afterAll(() => server.stop())

function options() {
  return {
    hostConfig: { authType: 'apikey', host: server.url, apiKey: tenant.adminToken },
    noCache: true,
  } as const
}

async function waitUntilCompleted(): Promise<void> {
  for (let round = 0; round < 100; round++) {
    const { data } = await encryption.getEncryptionKeyprovidersMigrationDetails(options())
    if (data.state === 'Completed') return
    await setTimeout(100)
  }
  throw new Error('the migration does not complete')
}

test('all ten operations work with the npm client', async () => {
  const arn = await server.createCustomerKey([tenant.tenantId])
  const body = { name: 'my key', arn, keyprovider: 'AWS-KMS' } as const
  const created = await encryption.createEncryptionKeyprovider(body, options())
  expect(created).toMatchObject({ status: 201, data: { arn, multiRegion: true } })
  const fingerprint = created.data.arnFingerPrint ?? ''

  const listed: { data: unknown } = await encryption.getEncryptionKeyproviders(options())
  expect(listed.data).toMatchObject([{ arnFingerPrint: fingerprint }])
  const all: { data: unknown } = await encryption.listEncryptionKeyproviders(options())
  expect(all.data).toMatchObject([
    { name: 'Qlik Internal Kms', current: true },
    { arnFingerPrint: fingerprint },
  ])
  expect(await encryption.testEncryptionKeyprovider(fingerprint, options())).toMatchObject({ status: 201 })
  const patch = [{ op: 'replace', path: '/description', value: 'described' }] as const
  expect(await encryption.patchEncryptionKeyprovider(fingerprint, [...patch], options())).toMatchObject({
    status: 204,
  })
  expect(await encryption.getEncryptionKeyprovider(fingerprint, options())).toMatchObject({
    data: { description: 'described' },
  })

  expect(await encryption.migrateEncryptionKeyprovider(fingerprint, options())).toMatchObject({
    status: 200,
    data: { state: 'New', migratingToFingerprint: fingerprint },
  })
  await waitUntilCompleted()
  await expect(encryption.deleteEncryptionKeyprovider(fingerprint, options())).rejects.toMatchObject({
    status: 424,
  })

  // A fetch may not read the body of a 205; the client reads the details instead.
  expect(await encryption.resetEncryptionKeyproviders(options())).toMatchObject({ status: 205 })
  await waitUntilCompleted()
  const deleted: unknown = await encryption.deleteEncryptionKeyprovider(fingerprint, options())
  expect(deleted).toMatchObject({
    status: 200,
    data: { message: 'Keyprovider metadata deleted successfully' },
  })
  expect(await encryption.resetEncryptionKeyproviders(options())).toMatchObject({
    status: 200,
    data: { message: 'Tenant is already using Qlik KMS, no migration is required.' },
  })
})
