// For every route of the contract: what its success is recorded as, and calls that succeed, and that change nothing.
import type { AuditAction } from '@keyhold/core'
import type { RouteId } from '@keyhold/contract'
import { textAt } from '../http/read-body.ts'
import { createKey, providers, reset } from '../http/scene.ts'
import {
  dataKeys,
  destructions,
  inAWeek,
  unknownId,
  unknownFingerprint,
  as,
  asOperator,
  once,
  withKey,
  withPausedMigration,
  withDoneMigration,
  withDataKey,
  withScheduledDestruction,
  newApiKey,
  type Call,
} from './audit-scenes.ts'

export interface Mutation {
  action: AuditAction
  succeeds: Call
  /** Refused, or finds everything done already: in either case it changes nothing. */
  changesNothing: Call[]
}

/** Routes that change nothing, and those of the data plane, which are not recorded one by one. */
export type Row = 'reads' | 'data plane' | { tries: Call } | Mutation

const newSession: Call = (server) => asOperator(server, 'POST', '/api/v1/sessions', { kind: 'cli' })

// A route without a row is a type error.
export const auditRows: Record<RouteId, Row> = {
  getDrDrill: 'reads',
  getDrDrillOfTenant: 'reads',
  getSession: 'reads',
  getSetup: 'reads',
  getBrand: 'reads',
  listDrDrills: 'reads',
  listDrDrillsOfTenant: 'reads',
  listReplicas: 'reads',
  listLiveMigrations: 'reads',
  getOverview: 'reads',
  watchTenant: 'reads',
  getTenantLock: 'reads',
  getTenantSettings: 'reads',
  getKmsUsage: 'reads',
  getKmsUsageOfAll: 'reads',
  listKeyProviders: 'reads',
  listAllKeyProviders: 'reads',
  getKeyPolicy: 'reads',
  getMigrationDetails: 'reads',
  getKeyProvider: 'reads',
  getKeyProviderUsage: 'reads',
  getKeyProviderHealth: 'reads',
  listMigrations: 'reads',
  getMigration: 'reads',
  watchMigration: 'reads',
  listMigrationFailures: 'reads',
  getMigrationReport: 'reads',
  listTenantKeys: 'reads',
  listSigningKeys: 'reads',
  listDataKeys: 'reads',
  listLeaseKeys: 'reads',
  listDestructions: 'reads',
  getDestruction: 'reads',
  listTenants: 'reads',
  getTenant: 'reads',
  listAllDestructions: 'reads',
  getAnyDestruction: 'reads',
  listApiKeys: 'reads',
  getCsrfToken: 'reads',
  listSessions: 'reads',
  listSetupLinks: 'reads',
  listAudits: 'reads',
  getAuditHead: 'reads',
  listAuditCheckpoints: 'reads',
  listAllAuditCheckpoints: 'reads',
  listInstallationAudits: 'reads',
  getInstallationAuditHead: 'reads',

  checkKeyProvider: {
    tries: async (server) => {
      const [tenant, arn] = [await server.createTenant(), await createKey(server)]
      return as(server, tenant, 'POST', `${providers}/actions/check`, { arn })
    },
  },
  watchKeyChecks: {
    tries: async (server) => {
      const [tenant, arn] = [await server.createTenant(), await createKey(server)]
      return as(server, tenant, 'POST', `${providers}/actions/check/events`, { arn })
    },
  },
  planMigration: {
    tries: async (server) => {
      const { tenant, path } = await withKey(server)
      return as(server, tenant, 'POST', `${path}/actions/plan-migration`)
    },
  },

  encrypt: 'data plane',
  decrypt: 'data plane',
  reencrypt: 'data plane',
  createDataKeyLease: 'data plane',
  unwrapDataKey: 'data plane',
  getBlindIndexKey: 'data plane',

  createKeyProvider: {
    action: 'keyprovider.create',
    succeeds: async (server) => {
      const [tenant, arn] = [await server.createTenant(), await createKey(server)]
      return as(server, tenant, 'POST', providers, { name: 'a key', arn })
    },
    changesNothing: [
      once('POST', providers, { name: 'a key', arn: 'no arn' }),
      async (server) => {
        const { tenant, arn } = await withKey(server)
        return as(server, tenant, 'POST', providers, { name: 'again', arn })
      },
    ],
  },
  patchKeyProvider: {
    action: 'keyprovider.update',
    succeeds: async (server) => {
      const { tenant, path } = await withKey(server)
      return as(server, tenant, 'PATCH', path, [{ op: 'replace', path: '/name', value: 'new' }])
    },
    changesNothing: [
      once('PATCH', ({ tenantId }) => `${providers}/${tenantId}`, [
        { op: 'replace', path: '/name', value: 'of the default one' },
      ]),
    ],
  },
  deleteKeyProvider: {
    action: 'keyprovider.delete',
    succeeds: async (server) => {
      const { tenant, path } = await withKey(server)
      return as(server, tenant, 'DELETE', path)
    },
    changesNothing: [
      once('DELETE', `${providers}/${unknownFingerprint}`),
      async (server) => {
        const { tenant, fingerprint } = await withPausedMigration(server)
        return as(server, tenant, 'DELETE', `${providers}/${fingerprint}`)
      },
    ],
  },
  testKeyProvider: {
    action: 'keyprovider.test',
    succeeds: async (server) => {
      const { tenant, path } = await withKey(server)
      return as(server, tenant, 'POST', `${path}/actions/test`)
    },
    changesNothing: [
      once('POST', ({ tenantId }) => `${providers}/${tenantId}/actions/test`),
      once('POST', `${providers}/${unknownFingerprint}/actions/test`),
    ],
  },
  migrateToKeyProvider: {
    action: 'migration.start',
    succeeds: async (server) => {
      const { tenant, path } = await withKey(server)
      return as(server, tenant, 'POST', `${path}/actions/migrate`)
    },
    changesNothing: [
      once('POST', ({ tenantId }) => `${providers}/${tenantId}/actions/migrate`),
      async (server) => {
        const { tenant, fingerprint } = await withPausedMigration(server)
        return as(server, tenant, 'POST', `${providers}/${fingerprint}/actions/migrate`)
      },
    ],
  },
  resetToDefaultProvider: {
    action: 'migration.start',
    succeeds: async (server) => {
      const { tenant } = await withDoneMigration(server)
      return as(server, tenant, 'POST', reset)
    },
    changesNothing: [once('POST', reset)],
  },
  retryMigration: {
    action: 'migration.retry',
    succeeds: async (server) => {
      const { tenant, path } = await withPausedMigration(server)
      return as(server, tenant, 'POST', `${path}/actions/retry`)
    },
    changesNothing: [
      async (server) => {
        const { tenant, path } = await withDoneMigration(server)
        return as(server, tenant, 'POST', `${path}/actions/retry`)
      },
    ],
  },
  acceptMigrationFailures: {
    action: 'migration.accept-failures',
    succeeds: async (server) => {
      const { tenant, path, failures } = await withPausedMigration(server)
      return as(server, tenant, 'POST', `${path}/actions/accept-failures`, { failures })
    },
    changesNothing: [
      async (server) => {
        const { tenant, path } = await withPausedMigration(server)
        const failures = [{ dataKeyId: unknownId, version: 1 }]
        return as(server, tenant, 'POST', `${path}/actions/accept-failures`, { failures })
      },
    ],
  },
  destroyMigrationFailures: {
    action: 'datakey.schedule-destruction',
    succeeds: async (server) => {
      const { tenant, path, failures } = await withPausedMigration(server)
      await as(server, tenant, 'POST', `${path}/actions/accept-failures`, { failures })
      await as(server, tenant, 'POST', `${dataKeys}/two/actions/rotate`)
      return as(server, tenant, 'POST', `${path}/actions/destroy-failures`, { failures, ...inAWeek })
    },
    changesNothing: [
      async (server) => {
        const { tenant, path, failures } = await withPausedMigration(server)
        return as(server, tenant, 'POST', `${path}/actions/destroy-failures`, { failures, ...inAWeek })
      },
    ],
  },
  cancelMigration: {
    action: 'migration.cancel',
    succeeds: async (server) => {
      const { tenant, path } = await withPausedMigration(server)
      return as(server, tenant, 'POST', `${path}/actions/cancel`)
    },
    changesNothing: [
      async (server) => {
        const { tenant, path } = await withDoneMigration(server)
        return as(server, tenant, 'POST', `${path}/actions/cancel`)
      },
      async (server) => {
        const { tenant, path } = await withPausedMigration(server)
        await as(server, tenant, 'POST', `${path}/actions/cancel`)
        return as(server, tenant, 'POST', `${path}/actions/cancel`)
      },
    ],
  },
  rotateTenantKey: {
    action: 'tenantkey.rotate',
    succeeds: once('POST', '/api/v1/encryption/tenant-key/actions/rotate'),
    changesNothing: [
      async (server) => {
        const { tenant } = await withPausedMigration(server)
        return as(server, tenant, 'POST', '/api/v1/encryption/tenant-key/actions/rotate')
      },
    ],
  },
  lockTenant: {
    action: 'tenant.lock',
    succeeds: once('POST', '/api/v1/encryption/actions/lock'),
    changesNothing: [
      async (server) => {
        const tenant = await server.createTenant()
        await as(server, tenant, 'POST', '/api/v1/encryption/actions/lock')
        return as(server, tenant, 'POST', '/api/v1/encryption/actions/lock')
      },
    ],
  },
  unlockTenant: {
    action: 'tenant.unlock',
    succeeds: async (server) => {
      const tenant = await server.createTenant()
      await as(server, tenant, 'POST', '/api/v1/encryption/actions/lock')
      return as(server, tenant, 'POST', '/api/v1/encryption/actions/unlock')
    },
    changesNothing: [once('POST', '/api/v1/encryption/actions/unlock')],
  },
  runDrDrill: {
    action: 'tenant.drill',
    succeeds: once('POST', '/api/v1/encryption/dr-drill/actions/run', {}),
    changesNothing: [once('POST', '/api/v1/encryption/dr-drill/actions/run', { region: 'no region' })],
  },
  runDrDrillOfTenant: {
    action: 'tenant.drill',
    succeeds: async (server) => {
      const { tenantId } = await server.createTenant()
      return asOperator(server, 'POST', `/api/v1/tenants/${tenantId}/dr-drill/actions/run`, {})
    },
    changesNothing: [
      (server) => asOperator(server, 'POST', '/api/v1/tenants/nobody/dr-drill/actions/run', {}),
    ],
  },
  changeTenantSettings: {
    action: 'tenant.change-settings',
    succeeds: once('PATCH', '/api/v1/encryption/settings', { keyCacheTtlSeconds: 0 }),
    changesNothing: [once('PATCH', '/api/v1/encryption/settings', { keyCacheTtlSeconds: 3_600 })],
  },
  saveSetup: {
    action: 'setup.change',
    succeeds: once('PUT', '/api/v1/encryption/setup', { version: 0, step: 'where', choices: {} }),
    changesNothing: [once('PUT', '/api/v1/encryption/setup', { version: 1, step: 'where', choices: {} })],
  },
  deleteSetup: {
    action: 'setup.delete',
    succeeds: async (server) => {
      const tenant = await server.createTenant()
      const path = '/api/v1/encryption/setup'
      await as(server, tenant, 'PUT', path, { version: 0, step: 'where', choices: {} })
      return as(server, tenant, 'DELETE', path)
    },
    changesNothing: [once('DELETE', '/api/v1/encryption/setup')],
  },
  saveBrand: {
    action: 'brand.change',
    succeeds: (server) => asOperator(server, 'PUT', '/api/v1/brand', { name: 'Acme Analytics' }),
    changesNothing: [
      (server) => asOperator(server, 'PUT', '/api/v1/brand', { name: 'Acme Analytics', accent: '#ffff00' }),
    ],
  },
  deleteBrand: {
    action: 'brand.delete',
    succeeds: async (server) => {
      await asOperator(server, 'PUT', '/api/v1/brand', { name: 'Acme Analytics' })
      return asOperator(server, 'DELETE', '/api/v1/brand')
    },
    changesNothing: [
      async (server) => {
        await asOperator(server, 'DELETE', '/api/v1/brand')
        return asOperator(server, 'DELETE', '/api/v1/brand')
      },
    ],
  },
  rotateDataKey: {
    action: 'datakey.rotate',
    succeeds: async (server) =>
      as(server, await withDataKey(server), 'POST', `${dataKeys}/default/actions/rotate`),
    changesNothing: [once('POST', `${dataKeys}/default/actions/rotate`)],
  },
  endLeaseKey: {
    action: 'datakey.rotate',
    succeeds: async (server) => {
      const tenant = await server.createTenant()
      await server.request('POST', dataKeys, { token: tenant.serviceToken, body: {} })
      return as(server, tenant, 'POST', '/api/v1/encryption/lease-keys/actions/end')
    },
    changesNothing: [once('POST', '/api/v1/encryption/lease-keys/actions/end')],
  },
  setMinimumVersion: {
    action: 'datakey.set-minimum-version',
    succeeds: async (server) => {
      const tenant = await withDataKey(server)
      const body = { minimumVersion: 1 }
      return as(server, tenant, 'POST', `${dataKeys}/default/actions/set-minimum-version`, body)
    },
    changesNothing: [
      async (server) => {
        const tenant = await withDataKey(server)
        const body = { minimumVersion: 2 }
        return as(server, tenant, 'POST', `${dataKeys}/default/actions/set-minimum-version`, body)
      },
    ],
  },
  destroyDataKey: {
    action: 'datakey.schedule-destruction',
    succeeds: async (server) =>
      as(server, await withDataKey(server), 'POST', `${dataKeys}/default/actions/destroy`, inAWeek),
    changesNothing: [
      once('POST', `${dataKeys}/default/actions/destroy`, inAWeek),
      async (server) => {
        const { tenant } = await withScheduledDestruction(server)
        return as(server, tenant, 'POST', `${dataKeys}/default/actions/destroy`, inAWeek)
      },
    ],
  },
  cancelDestruction: {
    action: 'datakey.cancel-destruction',
    succeeds: async (server) => {
      const { tenant, path } = await withScheduledDestruction(server)
      return as(server, tenant, 'POST', path)
    },
    changesNothing: [
      async (server) => {
        const { tenant, path } = await withScheduledDestruction(server)
        await as(server, tenant, 'POST', path)
        return as(server, tenant, 'POST', path)
      },
      once('POST', `${destructions}/${unknownId}/actions/cancel`),
    ],
  },
  createTenant: {
    action: 'tenant.create',
    succeeds: (server) => asOperator(server, 'POST', '/api/v1/tenants', { name: 'a tenant' }),
    changesNothing: [
      async (server) => {
        const { tenantId } = await server.createTenant()
        return asOperator(server, 'POST', '/api/v1/tenants', { name: 'again', id: tenantId })
      },
    ],
  },
  deleteTenant: {
    action: 'tenant.delete',
    succeeds: async (server) => {
      const { tenantId } = await server.createTenant()
      return asOperator(server, 'DELETE', `/api/v1/tenants/${tenantId}`)
    },
    changesNothing: [
      (server) => asOperator(server, 'DELETE', `/api/v1/tenants/${unknownFingerprint}`),
      async (server) => {
        const { tenantId } = await withDataKey(server)
        return asOperator(server, 'DELETE', `/api/v1/tenants/${tenantId}`)
      },
    ],
  },
  scheduleTenantDeletion: {
    action: 'tenant.schedule-deletion',
    succeeds: async (server) => {
      const { tenantId } = await server.createTenant()
      return asOperator(server, 'POST', `/api/v1/tenants/${tenantId}/actions/schedule-deletion`, inAWeek)
    },
    changesNothing: [
      (server) =>
        asOperator(
          server,
          'POST',
          `/api/v1/tenants/${unknownFingerprint}/actions/schedule-deletion`,
          inAWeek,
        ),
    ],
  },
  cancelTenantDeletion: {
    action: 'tenant.cancel-deletion',
    succeeds: async (server) => {
      const { tenantId } = await server.createTenant()
      await asOperator(server, 'POST', `/api/v1/tenants/${tenantId}/actions/schedule-deletion`, inAWeek)
      return asOperator(server, 'POST', `/api/v1/tenants/${tenantId}/actions/cancel-deletion`)
    },
    changesNothing: [
      async (server) => {
        const { tenantId } = await server.createTenant()
        return asOperator(server, 'POST', `/api/v1/tenants/${tenantId}/actions/cancel-deletion`)
      },
    ],
  },
  createSession: {
    action: 'session.begin',
    succeeds: (server) => asOperator(server, 'POST', '/api/v1/sessions', { kind: 'cli' }),
    changesNothing: [
      async (server) => {
        const token = textAt((await newSession(server)).body, 'token')
        return server.request('POST', '/api/v1/sessions', { token, body: { kind: 'cli' } })
      },
    ],
  },
  endSession: {
    action: 'session.end',
    succeeds: async (server) => {
      const tenant = await server.createTenant()
      const made = await as(server, tenant, 'POST', '/api/v1/sessions', { kind: 'cli' })
      return server.request('DELETE', '/api/v1/session', { token: textAt(made.body, 'token') })
    },
    changesNothing: [(server) => asOperator(server, 'DELETE', '/api/v1/session')],
  },
  endAnySession: {
    action: 'session.end',
    succeeds: async (server) => {
      const id = textAt((await newSession(server)).body, 'id')
      return asOperator(server, 'DELETE', `/api/v1/sessions/${id}`)
    },
    changesNothing: [(server) => asOperator(server, 'DELETE', '/api/v1/sessions/0000000000000000')],
  },
  createSetupLink: {
    action: 'setuplink.create',
    succeeds: async (server) => {
      const { tenantId } = await server.createTenant()
      return asOperator(server, 'POST', '/api/v1/setup-links', { intent: 'key-provider', tenantId })
    },
    changesNothing: [
      (server) => asOperator(server, 'POST', '/api/v1/setup-links', { intent: 'key-provider' }),
    ],
  },
  deleteSetupLink: {
    action: 'setuplink.end',
    succeeds: async (server) => {
      const tenant = await server.createTenant()
      const made = await as(server, tenant, 'POST', '/api/v1/setup-links', { intent: 'key-provider' })
      return as(server, tenant, 'DELETE', `/api/v1/setup-links/${textAt(made.body, 'id')}`)
    },
    changesNothing: [once('DELETE', '/api/v1/setup-links/0000000000000000')],
  },
  createApiKey: {
    action: 'apikey.create',
    succeeds: (server) => asOperator(server, 'POST', '/api/v1/api-keys', { role: 'service' }),
    changesNothing: [
      (server) => asOperator(server, 'POST', '/api/v1/api-keys', { role: 'auditor' }),
      (server) =>
        asOperator(server, 'POST', '/api/v1/api-keys', { role: 'service', tenantId: unknownFingerprint }),
    ],
  },
  renameApiKey: {
    action: 'apikey.rename',
    succeeds: async (server) => asOperator(server, 'PATCH', await newApiKey(server), { name: 'new' }),
    changesNothing: [
      async (server) => asOperator(server, 'PATCH', '/api/v1/api-keys/0000000000000000', { name: 'new' }),
    ],
  },
  rotateApiKey: {
    action: 'apikey.rotate',
    succeeds: async (server) => asOperator(server, 'POST', `${await newApiKey(server)}/actions/rotate`, {}),
    changesNothing: [
      async (server) => {
        const path = `${await newApiKey(server)}/actions/rotate`
        await asOperator(server, 'POST', path, {})
        return asOperator(server, 'POST', path, {})
      },
    ],
  },
  deleteApiKey: {
    action: 'apikey.delete',
    succeeds: async (server) => asOperator(server, 'DELETE', await newApiKey(server)),
    changesNothing: [
      async (server) => {
        const path = await newApiKey(server)
        await asOperator(server, 'DELETE', path)
        return asOperator(server, 'DELETE', path)
      },
    ],
  },
}

export function isMutation(row: Row): row is Mutation {
  return typeof row !== 'string' && 'action' in row
}
