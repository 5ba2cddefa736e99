// The things that requests are about: a tenant with everything that paths and bodies may name, a foreign one, a deleted one, and a caller of
// each kind. Requests change it and end parts of it, so that a run makes a new one now and then.
import { givenRoles, type GivenRole as Role } from '@keyhold/contract'
import type { KeyholdClient } from '@keyhold/client'
import { act } from '../../../testkit/src/http/key-jobs.ts'
import { openClient } from '../../../testkit/src/tenants/open-client.ts'
import { prepareWaitingMigration } from '../../../testkit/src/tenants/set-aside.ts'
import { canary } from './canaries.ts'
import type { FuzzServer } from './fuzz-server.ts'
import { issuedCallers, issuedNames, tenantsOf, type Credential } from './issued-callers.ts'

export interface Scene {
  /** The credentials of callers, by their names. */
  callers: ReadonlyMap<string, Credential>
  /** Texts for the places of requests, by their names without a number. */
  places: ReadonlyMap<string, readonly string[]>
  /** The plaintexts of keys that were leased. */
  secrets: ReadonlySet<string>
}

/** Shared by all scenes of a run. */
export interface Shared {
  arns: readonly string[]
  foreignArn: string
  /** Of a service that is bound to other addresses. Nobody makes one once requests with forwarding headers have come. */
  elsewhereToken: string
  /** Of a service whose key lives for a minute. */
  expiringToken: string
}

const tenantRoles = givenRoles.filter((role): role is Exclude<Role, 'operator'> => role !== 'operator')
const forAllTenants = ['service', 'service-encrypt'] as const
const unknownArn = 'arn:aws:kms:eu-west-1:222222222222:key/mrk-00000000000000000000000000000000'
const inventedKey = `khk_${'0'.repeat(16)}_${'a'.repeat(43)}000000`

/** The names of all kinds of callers, in one order. */
export const callerNames: readonly string[] = [
  ...tenantRoles,
  ...forAllTenants.map((role) => `${role} for all`),
  'operator',
  ...['foreign tenant-admin', 'foreign service', 'deleted tenant-admin', 'deleted service'],
  ...['scoped tenant-admin', 'scoped service', 'service without scopes', 'service from elsewhere'],
  // Of a tenant whose migration waits, since a cipherkey does not open.
  'troubled tenant-admin',
  ...[
    'deleted key',
    'ended key',
    'expired key',
    'wrong secret',
    'invented',
    'mistyped',
    'none',
    'basic',
    'two words',
    'empty',
  ],
  ...issuedNames,
]

/** @param index - no other scene of this run has it */
export async function makeScene(
  { server, ...issued }: FuzzServer,
  { arns, foreignArn, elsewhereToken, expiringToken }: Shared,
  index: number,
): Promise<Scene> {
  const { url, operatorToken } = server
  const keeper = openClient(url, operatorToken)
  const makeTenant = async (id?: string) =>
    (await keeper.call('createTenant', { body: { name: 'a tenant', ...(id !== undefined && { id }) } })).body
      .id
  const makeKey = async (role: Role, tenantId?: string, more: object = {}) =>
    (
      await keeper.call('createApiKey', {
        body: { role, ...(tenantId !== undefined && { tenantId }), ...more },
      })
    ).body
  const ids = tenantsOf(index)
  const [tenant, foreignTenant, deletedTenant] = [
    await makeTenant(ids.own),
    await makeTenant(ids.foreign),
    await makeTenant(ids.deleted),
  ]
  const emptyTenants = [await makeTenant(), await makeTenant()]

  const tokens = new Map<string, string>()
  for (const role of tenantRoles) tokens.set(role, (await makeKey(role, tenant)).key)
  for (const role of forAllTenants) tokens.set(`${role} for all`, (await makeKey(role)).key)
  tokens.set('operator', (await makeKey('operator')).key)
  for (const role of ['tenant-admin', 'service'] as const) {
    tokens.set(`foreign ${role}`, (await makeKey(role, foreignTenant)).key)
    tokens.set(`deleted ${role}`, (await makeKey(role, deletedTenant)).key)
  }
  const minting = { scopes: ['manage-api-keys', 'read-api-keys', 'lock', 'read-key-providers'] }
  tokens.set('scoped tenant-admin', (await makeKey('tenant-admin', tenant, minting)).key)
  tokens.set(
    'scoped service',
    (await makeKey('service', tenant, { scopes: ['encrypt:pay*', 'decrypt:pay'] })).key,
  )
  tokens.set('service without scopes', (await makeKey('service', tenant, { scopes: [] })).key)
  tokens.set('service from elsewhere', elsewhereToken)
  const deletedKey = await makeKey('service', tenant)
  await keeper.call('deleteApiKey', { params: { apiKeyId: deletedKey.id } })
  const endedKey = await makeKey('service', tenant)
  const rotation = { params: { apiKeyId: endedKey.id }, body: { overlapSeconds: 0 } }
  await keeper.call('rotateApiKey', rotation)
  const spare = [await makeKey('service', tenant), await makeKey('auditor', tenant)]

  const admin = openClient(url, tokens.get('tenant-admin') ?? '')
  const [firstArn = ''] = arns
  const { arnFingerPrint } = (
    await admin.call('createKeyProvider', { body: { name: 'a key', arn: firstArn } })
  ).body
  const foreignAdmin = openClient(url, tokens.get('foreign tenant-admin') ?? '')
  const { arnFingerPrint: foreignFingerprint } = (
    await foreignAdmin.call('createKeyProvider', { body: { name: 'a key', arn: foreignArn } })
  ).body
  const service = openClient(url, tokens.get('service') ?? '')
  const ownTokens = await encryptSome(service)
  const lease = (await service.call('createDataKeyLease', { body: {} })).body
  const migration = (await admin.call('rotateTenantKey')).body.id
  const destruction = (
    await admin.call('destroyDataKey', { params: { keyName: 'other' }, body: { inDays: 30 } })
  ).body.id
  // One is accepted, and may be destroyed, as no value is encrypted under it any more; the migration waits for the other one.
  const troubled = await prepareWaitingMigration(server, ['two', 'three'], true)
  await act(server, troubled.tenant, troubled.id, 'accept-failures', {
    failures: troubled.failures.slice(0, 1),
  })
  tokens.set('troubled tenant-admin', troubled.tenant.adminToken)
  const foreignTokens = await encryptSome(openClient(url, tokens.get('foreign service') ?? ''))
  await keeper.call('deleteTenant', { params: { tenantId: deletedTenant } })

  const headers = new Map([
    ...Array.from(tokens, ([name, token]) => [name, `Bearer ${token}`] as const),
    ['deleted key', `Bearer ${deletedKey.key}`],
    ['ended key', `Bearer ${endedKey.key}`],
    ['expired key', `Bearer ${expiringToken}`],
    ['wrong secret', `Bearer ${withOtherSecret(spare[0]?.key ?? '')}`],
    ['invented', `Bearer ${inventedKey}`],
    ['mistyped', `Bearer ${(tokens.get('service') ?? '').slice(0, -1)}~`],
    ['basic', `Basic ${Buffer.from(canary(1)).toString('base64')}`],
    ['two words', `Bearer ${canary(2)} ${canary(3)}`],
    ['empty', 'Bearer '],
  ])
  return {
    callers: new Map<string, Credential>([
      ...Array.from(headers, ([name, authorization]) => [name, { authorization }] as const),
      ['none', {}],
      ...(await issuedCallers(issued, ids, tokens.get('auditor') ?? '')),
    ]),
    places: new Map([
      ['tenant', [tenant]],
      ['foreignTenant', [foreignTenant]],
      ['deletedTenant', [deletedTenant]],
      ['fingerprint', [arnFingerPrint]],
      ['foreignFingerprint', [foreignFingerprint]],
      ['arn', arns],
      ['foreignArn', [foreignArn]],
      ['unknownArn', [unknownArn]],
      ['token', ownTokens],
      ['foreignToken', foreignTokens],
      ['leaseHeader', [lease.header]],
      ['migration', [migration]],
      ['emptyTenant', emptyTenants],
      ['troubledMigration', [troubled.id]],
      ['failedDataKey', troubled.failures.map(({ dataKeyId }) => dataKeyId)],
      ['destruction', [destruction]],
      ['apiKey', spare.map(({ id }) => id)],
    ]),
    secrets: new Set([lease.plaintext]),
  }
}

async function encryptSome(service: KeyholdClient): Promise<string[]> {
  const items = ['pay', 'pay-1', 'other'].map((keyName, index) => ({
    keyName,
    plaintext: Buffer.from(canary(index)).toString('base64'),
    ...(index === 0 && { context: { table: 'users' } }),
  }))
  const { body } = await service.call('encrypt', { body: { items } })
  return body.items.flatMap((item) => ('token' in item ? [item.token] : []))
}

/** Well-formed in the older form, which has no checksum, with an id that exists. */
function withOtherSecret(token: string): string {
  const [, id = ''] = token.split('_')
  return `kh_${id}_${'A'.repeat(43)}`
}
