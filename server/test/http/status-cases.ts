// For each documented status of each operation of the original, a cause for it.
import { DisableKeyCommand } from '@aws-sdk/client-kms'
import type { RouteId } from '@keyhold/contract'
import type { TestServer, TestTenant } from '../../../testkit/src/start-test-server.ts'
import { rawRequest, type RawAnswer, type RawOptions } from './raw-request.ts'
import {
  createKey,
  details,
  migrateTo,
  policyWithout,
  providers,
  query,
  registerKey,
  reset,
  setPolicy,
} from './scene.ts'

export interface StatusCase {
  routeId: RouteId
  status: number
  /** Undefined: success. */
  code?: string
  cause: string
  call: () => Promise<RawAnswer>
}

const unknown = '0'.repeat(32)
const badTenantHeader = { 'keyhold-tenant': 'not/a/tenant' }

export function statusCases(serverOf: () => TestServer): StatusCase[] {
  const cases: StatusCase[] = []

  function on(
    routeId: RouteId,
    status: number,
    code: string | undefined,
    cause: string,
    call: StatusCase['call'],
  ) {
    cases.push({ routeId, status, ...(code !== undefined && { code }), cause, call })
  }

  async function send(method: string, path: string, options: RawOptions & { as?: TestTenant } = {}) {
    const { as, ...others } = options
    const token = as === undefined ? {} : { token: as.adminToken }
    return rawRequest(serverOf().url, method, path, { ...token, ...others })
  }
  const newTenant = () => serverOf().createTenant()
  async function withKey() {
    const tenant = await newTenant()
    return { tenant, ...(await registerKey(serverOf(), tenant)) }
  }
  async function withCurrentKey() {
    const all = await withKey()
    await migrateTo(serverOf(), all.tenant, all.fingerprint)
    return all
  }
  // The server's failpoint holds up the first migration of all for a while.
  let live: Promise<Awaited<ReturnType<typeof withKey>>> | undefined
  const withLiveMigration = () =>
    (live ??= withKey().then(async (all) => {
      await send('POST', `${providers}/${all.fingerprint}/actions/migrate`, { as: all.tenant })
      return all
    }))
  const disable = (arn: string) =>
    serverOf()
      .customerKms()
      .send(new DisableKeyCommand({ KeyId: arn }))
  const deny = (arn: string) => setPolicy(serverOf().customerKms(), arn, policyWithout())
  async function hanging(call: () => Promise<RawAnswer>) {
    const remove = serverOf().kms.faults.add({ kind: 'hang' })
    try {
      return await call()
    } finally {
      remove()
    }
  }
  const create = async (as: TestTenant, arn: string) =>
    send('POST', providers, { as, body: { name: 'a key', arn } })

  // First, while the migration that everything after it may disturb is held up.
  on('migrateToKeyProvider', 428, 'ERR_MIGRATION_RUNNING', 'a migration is running', async () => {
    const { tenant, fingerprint } = await withLiveMigration()
    return send('POST', `${providers}/${fingerprint}/actions/migrate`, { as: tenant })
  })
  on('resetToDefaultProvider', 406, 'ERR_MIGRATION_RUNNING', 'a migration is running', async () =>
    send('POST', reset, { as: (await withLiveMigration()).tenant }),
  )
  on('deleteKeyProvider', 424, 'ERR_KEY_PROVIDER_IN_USE', 'a running migration needs it', async () => {
    const { tenant, fingerprint } = await withLiveMigration()
    return send('DELETE', `${providers}/${fingerprint}`, { as: tenant })
  })

  for (const [routeId, path] of [
    ['listKeyProviders', providers],
    ['listAllKeyProviders', `${providers}/actions/list`],
  ] as const) {
    on(routeId, 200, undefined, 'there is nothing to list yet', async () =>
      send('GET', path, { as: await newTenant() }),
    )
    on(routeId, 400, 'ERR_INVALID_REQUEST', 'Keyhold-Tenant is malformed', async () =>
      send('GET', path, { as: await newTenant(), headers: badTenantHeader }),
    )
    on(routeId, 417, 'ERR_KEY_PROVIDER_RECORD_INVALID', 'a stored inspection is damaged', async () => {
      const { tenant } = await withKey()
      const damage = `update keyhold.key_providers set inspection = '{"keyArn": 1}' where tenant_id = $1 and kms = 'aws'`
      await query(serverOf(), damage, [tenant.tenantId])
      return send('GET', path, { as: tenant })
    })
  }

  on('createKeyProvider', 201, undefined, 'Keyhold may use the key', async () =>
    create(await newTenant(), await createKey(serverOf())),
  )
  on('createKeyProvider', 400, 'ERR_INVALID_REQUEST', 'the name is missing', async () =>
    send('POST', providers, { as: await newTenant(), body: { arn: 'arn' } }),
  )
  on('createKeyProvider', 401, 'ERR_UNAUTHENTICATED', 'the token is missing', async () =>
    send('POST', providers, { body: {} }),
  )
  on('createKeyProvider', 403, 'Encryption-88', 'the key policy does not name Keyhold', async () => {
    const arn = await createKey(serverOf(), { Policy: policyWithout() })
    return create(await newTenant(), arn)
  })
  on('createKeyProvider', 406, 'ERR_KMS_KEY_DISABLED', 'the key is disabled', async () => {
    const arn = await createKey(serverOf())
    await disable(arn)
    return create(await newTenant(), arn)
  })
  on('createKeyProvider', 408, 'ERR_KMS_TIMEOUT', 'AWS KMS does not answer', async () => {
    const [tenant, arn] = [await newTenant(), await createKey(serverOf())]
    return hanging(() => create(tenant, arn))
  })
  on('createKeyProvider', 409, 'ERR_KEY_PROVIDER_EXISTS', 'the key is registered already', async () => {
    const { tenant, arn } = await withKey()
    return create(tenant, arn)
  })
  on('createKeyProvider', 417, 'ERR_ARN_INVALID', 'the ARN is not of a key', async () =>
    create(await newTenant(), 'arn:aws:s3:::bucket'),
  )

  on('getKeyProvider', 200, undefined, 'it is registered', async () => {
    const { tenant, fingerprint } = await withKey()
    return send('GET', `${providers}/${fingerprint}`, { as: tenant })
  })
  on('getKeyProvider', 400, 'ERR_FINGERPRINT_INVALID', 'the fingerprint has other characters', async () =>
    send('GET', `${providers}/f%20p`, { as: await newTenant() }),
  )
  on('getKeyProvider', 404, 'ERR_KEY_PROVIDER_NOT_FOUND', 'nothing has the fingerprint', async () =>
    send('GET', `${providers}/${unknown}`, { as: await newTenant() }),
  )
  on('getKeyProvider', 414, 'ERR_FINGERPRINT_TOO_LONG', 'the fingerprint is too long', async () =>
    send('GET', `${providers}/${'f'.repeat(4_096)}`, { as: await newTenant() }),
  )

  const rename = [{ op: 'replace', path: '/name', value: 'another name' }]
  on('patchKeyProvider', 204, undefined, 'it is registered', async () => {
    const { tenant, fingerprint } = await withKey()
    return send('PATCH', `${providers}/${fingerprint}`, { as: tenant, body: rename })
  })
  on('patchKeyProvider', 400, 'ERR_INVALID_REQUEST', 'the body is no JSON', async () =>
    send('PATCH', `${providers}/${unknown}`, { as: await newTenant(), body: '[{' }),
  )
  on('patchKeyProvider', 401, 'ERR_UNAUTHENTICATED', 'the token is missing', async () =>
    send('PATCH', `${providers}/${unknown}`, { body: rename }),
  )
  on('patchKeyProvider', 404, 'ERR_KEY_PROVIDER_NOT_FOUND', 'nothing has the fingerprint', async () =>
    send('PATCH', `${providers}/${unknown}`, { as: await newTenant(), body: rename }),
  )

  on('deleteKeyProvider', 200, undefined, 'nothing uses it', async () => {
    const { tenant, fingerprint } = await withKey()
    return send('DELETE', `${providers}/${fingerprint}`, { as: tenant })
  })
  on('deleteKeyProvider', 400, 'ERR_KEY_PROVIDER_DEFAULT', 'it is the default provider', async () => {
    const tenant = await newTenant()
    return send('DELETE', `${providers}/${tenant.tenantId}`, { as: tenant })
  })
  on('deleteKeyProvider', 404, 'ERR_KEY_PROVIDER_NOT_FOUND', 'nothing has the fingerprint', async () =>
    send('DELETE', `${providers}/${unknown}`, { as: await newTenant() }),
  )
  on('deleteKeyProvider', 424, 'ERR_KEY_PROVIDER_IN_USE', 'it is current', async () => {
    const { tenant, fingerprint } = await withCurrentKey()
    return send('DELETE', `${providers}/${fingerprint}`, { as: tenant })
  })

  const migrate = (as: TestTenant | undefined, fingerprint: string) =>
    send('POST', `${providers}/${fingerprint}/actions/migrate`, as === undefined ? {} : { as })
  on('migrateToKeyProvider', 200, undefined, 'both keys can be used', async () => {
    const { tenant, fingerprint } = await withKey()
    return migrate(tenant, fingerprint)
  })
  on(
    'migrateToKeyProvider',
    400,
    'ERR_FINGERPRINT_INVALID',
    'the fingerprint has other characters',
    async () => migrate(await newTenant(), 'f.p'),
  )
  on('migrateToKeyProvider', 401, 'ERR_UNAUTHENTICATED', 'the token is missing', async () =>
    migrate(undefined, unknown),
  )
  on('migrateToKeyProvider', 404, 'ERR_KEY_PROVIDER_NOT_FOUND', 'nothing has the fingerprint', async () =>
    migrate(await newTenant(), unknown),
  )
  on('migrateToKeyProvider', 412, 'ERR_MIGRATION_TARGET_CURRENT', 'it is current already', async () => {
    const { tenant, fingerprint } = await withCurrentKey()
    return migrate(tenant, fingerprint)
  })
  on('migrateToKeyProvider', 412, 'ERR_MIGRATION_NOT_STARTED', "the target's key is disabled", async () => {
    const { tenant, fingerprint, arn } = await withKey()
    await disable(arn)
    return migrate(tenant, fingerprint)
  })
  on('migrateToKeyProvider', 424, 'ERR_MIGRATION_NOT_PREPARED', "the target's policy denies", async () => {
    const { tenant, fingerprint, arn } = await withKey()
    await deny(arn)
    return migrate(tenant, fingerprint)
  })

  const tryKey = (as: TestTenant | undefined, fingerprint: string) =>
    send('POST', `${providers}/${fingerprint}/actions/test`, as === undefined ? {} : { as })
  on('testKeyProvider', 201, undefined, 'the key can be used', async () => {
    const { tenant, fingerprint } = await withKey()
    return tryKey(tenant, fingerprint)
  })
  on('testKeyProvider', 400, 'Encryption-88', 'the key policy lost Keyhold', async () => {
    const { tenant, fingerprint, arn } = await withKey()
    await deny(arn)
    return tryKey(tenant, fingerprint)
  })
  on('testKeyProvider', 401, 'ERR_UNAUTHENTICATED', 'the token is missing', async () =>
    tryKey(undefined, unknown),
  )
  on('testKeyProvider', 404, 'ERR_KEY_PROVIDER_NOT_FOUND', 'nothing has the fingerprint', async () =>
    tryKey(await newTenant(), unknown),
  )
  on('testKeyProvider', 408, 'ERR_KMS_TIMEOUT', 'AWS KMS does not answer', async () => {
    const { tenant, fingerprint } = await withKey()
    return hanging(() => tryKey(tenant, fingerprint))
  })

  on('resetToDefaultProvider', 200, undefined, 'the default provider is current', async () =>
    send('POST', reset, { as: await newTenant() }),
  )
  on('resetToDefaultProvider', 205, undefined, 'another provider is current', async () =>
    send('POST', reset, { as: (await withCurrentKey()).tenant }),
  )
  on('resetToDefaultProvider', 401, 'ERR_UNAUTHENTICATED', 'the token is missing', async () =>
    send('POST', reset),
  )
  on(
    'resetToDefaultProvider',
    412,
    'ERR_MIGRATION_NOT_STARTED',
    "the current key's policy denies",
    async () => {
      const { tenant, arn } = await withCurrentKey()
      await deny(arn)
      return send('POST', reset, { as: tenant })
    },
  )
  on('resetToDefaultProvider', 412, 'ERR_MIGRATION_NOT_STARTED', 'the current key is disabled', async () => {
    const { tenant, arn } = await withCurrentKey()
    await disable(arn)
    return send('POST', reset, { as: tenant })
  })

  on('getMigrationDetails', 200, undefined, 'a migration has completed', async () =>
    send('GET', details, { as: (await withCurrentKey()).tenant }),
  )
  on('getMigrationDetails', 400, 'ERR_INVALID_REQUEST', 'Keyhold-Tenant is malformed', async () =>
    send('GET', details, { as: await newTenant(), headers: badTenantHeader }),
  )
  on('getMigrationDetails', 401, 'ERR_UNAUTHENTICATED', 'the token is missing', async () =>
    send('GET', details),
  )
  on('getMigrationDetails', 404, 'ERR_MIGRATION_NOT_FOUND', 'there never was one', async () =>
    send('GET', details, { as: await newTenant() }),
  )
  on('getMigrationDetails', 417, 'ERR_MIGRATION_RECORD_INVALID', 'the stored job is damaged', async () => {
    const { tenant } = await withCurrentKey()
    const damage = `update keyhold.key_jobs set target_key_arn = 'damaged' where tenant_id = $1`
    await query(serverOf(), damage, [tenant.tenantId])
    return send('GET', details, { as: tenant })
  })
  return cases
}
