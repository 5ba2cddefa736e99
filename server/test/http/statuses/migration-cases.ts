// The cases of the routes that migrate to a key provider, go back to the default one, and show the migration.
import { details, reset } from '../scene.ts'
import {
  badTenantHeader,
  casesOf,
  pathOf,
  unknownProvider,
  type RouteStatusCase,
  type StatusCase,
} from './status-scene.ts'

/** These need the running migration of the scene, so they come before all others. */
export const runningMigrationCases: RouteStatusCase[] = [
  ...casesOf('migrateToKeyProvider', [
    {
      status: 428,
      code: 'ERR_MIGRATION_RUNNING',
      when: 'a migration is running',
      send: async ({ withLiveMigration }) => {
        const { send, provider } = await withLiveMigration()
        return send('POST', `${provider}/actions/migrate`)
      },
    },
  ]),
  ...casesOf('resetToDefaultProvider', [
    {
      status: 406,
      code: 'ERR_MIGRATION_RUNNING',
      when: 'a migration is running',
      send: async ({ withLiveMigration }) => (await withLiveMigration()).send('POST', reset),
    },
  ]),
  ...casesOf('deleteKeyProvider', [
    {
      status: 424,
      code: 'ERR_KEY_PROVIDER_IN_USE',
      when: 'a running migration needs it',
      send: async ({ withLiveMigration }) => {
        const { send, provider } = await withLiveMigration()
        return send('DELETE', provider)
      },
    },
  ]),
]

const migrating: StatusCase[] = [
  {
    status: 200,
    when: 'both keys can be used',
    send: async ({ withKey }) => {
      const { send, provider } = await withKey()
      return send('POST', `${provider}/actions/migrate`)
    },
  },
  {
    status: 400,
    code: 'ERR_FINGERPRINT_INVALID',
    when: 'the fingerprint has other characters',
    send: async ({ newTenant }) => (await newTenant()).send('POST', `${pathOf('f.p')}/actions/migrate`),
  },
  {
    status: 401,
    code: 'ERR_UNAUTHENTICATED',
    when: 'the token is missing',
    send: ({ sendAnonymously }) => sendAnonymously('POST', `${unknownProvider}/actions/migrate`),
  },
  {
    status: 404,
    code: 'ERR_KEY_PROVIDER_NOT_FOUND',
    when: 'nothing has the fingerprint',
    send: async ({ newTenant }) => (await newTenant()).send('POST', `${unknownProvider}/actions/migrate`),
  },
  {
    status: 412,
    code: 'ERR_MIGRATION_TARGET_CURRENT',
    when: 'it is current already',
    send: async ({ withCurrentKey }) => {
      const { send, provider } = await withCurrentKey()
      return send('POST', `${provider}/actions/migrate`)
    },
  },
  {
    status: 412,
    code: 'ERR_MIGRATION_NOT_STARTED',
    when: "the target's key is disabled",
    send: async ({ withKey, disable }) => {
      const { send, provider, arn } = await withKey()
      await disable(arn)
      return send('POST', `${provider}/actions/migrate`)
    },
  },
  {
    status: 424,
    code: 'ERR_MIGRATION_NOT_PREPARED',
    when: "the target's policy denies",
    send: async ({ withKey, deny }) => {
      const { send, provider, arn } = await withKey()
      await deny(arn)
      return send('POST', `${provider}/actions/migrate`)
    },
  },
]

const goingBack: StatusCase[] = [
  {
    status: 200,
    when: 'the default provider is current',
    send: async ({ newTenant }) => (await newTenant()).send('POST', reset),
  },
  {
    status: 205,
    when: 'another provider is current',
    send: async ({ withCurrentKey }) => (await withCurrentKey()).send('POST', reset),
  },
  {
    status: 401,
    code: 'ERR_UNAUTHENTICATED',
    when: 'the token is missing',
    send: ({ sendAnonymously }) => sendAnonymously('POST', reset),
  },
  {
    status: 412,
    code: 'ERR_MIGRATION_NOT_STARTED',
    when: "the current key's policy denies",
    send: async ({ withCurrentKey, deny }) => {
      const { send, arn } = await withCurrentKey()
      await deny(arn)
      return send('POST', reset)
    },
  },
  {
    status: 412,
    code: 'ERR_MIGRATION_NOT_STARTED',
    when: 'the current key is disabled',
    send: async ({ withCurrentKey, disable }) => {
      const { send, arn } = await withCurrentKey()
      await disable(arn)
      return send('POST', reset)
    },
  },
]

const showing: StatusCase[] = [
  {
    status: 200,
    when: 'a migration has completed',
    send: async ({ withCurrentKey }) => (await withCurrentKey()).send('GET', details),
  },
  {
    status: 400,
    code: 'ERR_INVALID_REQUEST',
    when: 'Keyhold-Tenant is malformed',
    send: async ({ newTenant }) => (await newTenant()).send('GET', details, badTenantHeader),
  },
  {
    status: 401,
    code: 'ERR_UNAUTHENTICATED',
    when: 'the token is missing',
    send: ({ sendAnonymously }) => sendAnonymously('GET', details),
  },
  {
    status: 404,
    code: 'ERR_MIGRATION_NOT_FOUND',
    when: 'there never was one',
    send: async ({ newTenant }) => (await newTenant()).send('GET', details),
  },
  {
    status: 417,
    code: 'ERR_MIGRATION_RECORD_INVALID',
    when: 'the stored job is damaged',
    send: async ({ withCurrentKey, damageKeyJob }) => {
      const { send, tenantId } = await withCurrentKey()
      await damageKeyJob(tenantId)
      return send('GET', details)
    },
  },
]

export const migrationCases: RouteStatusCase[] = [
  ...casesOf('migrateToKeyProvider', migrating),
  ...casesOf('resetToDefaultProvider', goingBack),
  ...casesOf('getMigrationDetails', showing),
]
