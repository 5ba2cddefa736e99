// The cases of the routes that list, register, read, rename, delete and test key providers.
import { providers } from '../scene.ts'
import {
  badTenantHeader,
  casesOf,
  pathOf,
  unknownProvider,
  type RouteStatusCase,
  type StatusCase,
} from './status-scene.ts'

const rename = { body: [{ op: 'replace', path: '/name', value: 'another name' }] }
const registration = (arn: string) => ({ body: { name: 'a key', arn } })

const listing = (path: string): StatusCase[] => [
  {
    status: 200,
    when: 'there is nothing to list yet',
    send: async ({ newTenant }) => (await newTenant()).send('GET', path),
  },
  {
    status: 400,
    code: 'ERR_INVALID_REQUEST',
    when: 'Keyhold-Tenant is malformed',
    send: async ({ newTenant }) => (await newTenant()).send('GET', path, badTenantHeader),
  },
  {
    status: 417,
    code: 'ERR_KEY_PROVIDER_RECORD_INVALID',
    when: 'a stored inspection is damaged',
    send: async ({ withKey, damageInspection }) => {
      const { tenantId, send } = await withKey()
      await damageInspection(tenantId)
      return send('GET', path)
    },
  },
]

const registering: StatusCase[] = [
  {
    status: 201,
    when: 'Keyhold may use the key',
    send: async ({ newTenant, newKey }) =>
      (await newTenant()).send('POST', providers, registration(await newKey())),
  },
  {
    status: 400,
    code: 'ERR_INVALID_REQUEST',
    when: 'the name is missing',
    send: async ({ newTenant }) => (await newTenant()).send('POST', providers, { body: { arn: 'arn' } }),
  },
  {
    status: 401,
    code: 'ERR_UNAUTHENTICATED',
    when: 'the token is missing',
    send: ({ sendAnonymously }) => sendAnonymously('POST', providers, { body: {} }),
  },
  {
    status: 403,
    code: 'Encryption-88',
    when: 'the key policy does not name Keyhold',
    send: async ({ newTenant, newForeignKey }) =>
      (await newTenant()).send('POST', providers, registration(await newForeignKey())),
  },
  {
    status: 406,
    code: 'ERR_KMS_KEY_DISABLED',
    when: 'the key is disabled',
    send: async ({ newTenant, newKey, disable }) => {
      const arn = await newKey()
      await disable(arn)
      return (await newTenant()).send('POST', providers, registration(arn))
    },
  },
  {
    status: 408,
    code: 'ERR_KMS_TIMEOUT',
    when: 'AWS KMS does not answer',
    send: async ({ newTenant, newKey, whileKmsHangs }) => {
      const { send } = await newTenant()
      const arn = await newKey()
      return whileKmsHangs(() => send('POST', providers, registration(arn)))
    },
  },
  {
    status: 409,
    code: 'ERR_KEY_PROVIDER_EXISTS',
    when: 'the key is registered already',
    send: async ({ withKey }) => {
      const { send, arn } = await withKey()
      return send('POST', providers, registration(arn))
    },
  },
  {
    status: 417,
    code: 'ERR_ARN_INVALID',
    when: 'the ARN is not of a key',
    send: async ({ newTenant }) =>
      (await newTenant()).send('POST', providers, registration('arn:aws:s3:::bucket')),
  },
]

const reading: StatusCase[] = [
  {
    status: 200,
    when: 'it is registered',
    send: async ({ withKey }) => {
      const { send, provider } = await withKey()
      return send('GET', provider)
    },
  },
  {
    status: 400,
    code: 'ERR_FINGERPRINT_INVALID',
    when: 'the fingerprint has other characters',
    send: async ({ newTenant }) => (await newTenant()).send('GET', pathOf('f%20p')),
  },
  {
    status: 404,
    code: 'ERR_KEY_PROVIDER_NOT_FOUND',
    when: 'nothing has the fingerprint',
    send: async ({ newTenant }) => (await newTenant()).send('GET', unknownProvider),
  },
  {
    status: 414,
    code: 'ERR_FINGERPRINT_TOO_LONG',
    when: 'the fingerprint is too long',
    send: async ({ newTenant }) => (await newTenant()).send('GET', pathOf('f'.repeat(4_096))),
  },
]

const renaming: StatusCase[] = [
  {
    status: 204,
    when: 'it is registered',
    send: async ({ withKey }) => {
      const { send, provider } = await withKey()
      return send('PATCH', provider, rename)
    },
  },
  {
    status: 400,
    code: 'ERR_INVALID_REQUEST',
    when: 'the body is not JSON',
    send: async ({ newTenant }) => (await newTenant()).send('PATCH', unknownProvider, { body: '[{' }),
  },
  {
    status: 401,
    code: 'ERR_UNAUTHENTICATED',
    when: 'the token is missing',
    send: ({ sendAnonymously }) => sendAnonymously('PATCH', unknownProvider, rename),
  },
  {
    status: 404,
    code: 'ERR_KEY_PROVIDER_NOT_FOUND',
    when: 'nothing has the fingerprint',
    send: async ({ newTenant }) => (await newTenant()).send('PATCH', unknownProvider, rename),
  },
]

const deleting: StatusCase[] = [
  {
    status: 200,
    when: 'nothing uses it',
    send: async ({ withKey }) => {
      const { send, provider } = await withKey()
      return send('DELETE', provider)
    },
  },
  {
    status: 400,
    code: 'ERR_KEY_PROVIDER_DEFAULT',
    when: 'it is the default provider',
    send: async ({ newTenant }) => {
      const { send, tenantId } = await newTenant()
      return send('DELETE', pathOf(tenantId))
    },
  },
  {
    status: 404,
    code: 'ERR_KEY_PROVIDER_NOT_FOUND',
    when: 'nothing has the fingerprint',
    send: async ({ newTenant }) => (await newTenant()).send('DELETE', unknownProvider),
  },
  {
    status: 424,
    code: 'ERR_KEY_PROVIDER_IN_USE',
    when: 'it is current',
    send: async ({ withCurrentKey }) => {
      const { send, provider } = await withCurrentKey()
      return send('DELETE', provider)
    },
  },
]

export const keyProviderCases: RouteStatusCase[] = [
  ...casesOf('listKeyProviders', listing(providers)),
  ...casesOf('listAllKeyProviders', listing(`${providers}/actions/list`)),
  ...casesOf('createKeyProvider', registering),
  ...casesOf('getKeyProvider', reading),
  ...casesOf('patchKeyProvider', renaming),
  ...casesOf('deleteKeyProvider', deleting),
]
