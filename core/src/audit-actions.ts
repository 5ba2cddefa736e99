// The closed table of what audit records can tell of. Names are frozen: they go into the hashes of stored records. No
// imports: the wire's schemas take it into the browser.

export const auditActions = {
  'tenant.create': { target: 'tenant', tells: 'A tenant was created.' },
  'tenant.delete': { target: 'tenant', tells: 'A tenant was deleted, at once or as scheduled.' },
  'tenant.schedule-deletion': { target: 'destruction', tells: 'The deletion of the tenant was scheduled.' },
  'tenant.cancel-deletion': { target: 'destruction', tells: 'The deletion of the tenant was cancelled.' },
  'tenant.lock': { target: 'tenant', tells: 'The kill switch was thrown.' },
  'tenant.unlock': { target: 'tenant', tells: 'The kill switch was taken back.' },
  'tenant.change-settings': { target: 'tenant', tells: 'It was settled how long its keys may be held.' },
  'tenant.drill': { target: 'tenant', tells: 'The loss of a region was drilled.' },
  'apikey.create': { target: 'api-key', tells: 'An API key was made.' },
  'apikey.delete': { target: 'api-key', tells: 'An API key was revoked.' },
  'keyprovider.create': { target: 'key-provider', tells: 'A key was registered.' },
  'keyprovider.update': { target: 'key-provider', tells: 'Its name or description was changed.' },
  'keyprovider.test': { target: 'key-provider', tells: 'It was tried, and what was found was stored.' },
  'keyprovider.delete': { target: 'key-provider', tells: 'Its entry was deleted.' },
  'keyprovider.move-alias': {
    target: 'key-provider',
    tells: 'The alias by which it was registered was found to name something else than before.',
  },
  'keyhealth.change': { target: 'key-provider', tells: "The key's state in one region changed." },
  'migration.start': { target: 'migration', tells: 'A migration was started.' },
  'migration.prepare': { target: 'migration', tells: 'A tenant key version was made under the target.' },
  'migration.dual': { target: 'migration', tells: 'That version became the active one.' },
  'migration.cutover': { target: 'migration', tells: 'The migration or rotation was completed.' },
  'migration.cancel': { target: 'migration', tells: 'It was turned round.' },
  'migration.abort': { target: 'migration', tells: 'The way back was completed.' },
  'migration.supersede': { target: 'migration', tells: 'A rotation gave way to a migration.' },
  'migration.retry': { target: 'migration', tells: 'Its pause was ended.' },
  'migration.accept-failures': {
    target: 'migration',
    tells: 'Cipherkeys that do not open were accepted by name.',
  },
  'tenantkey.rotate': { target: 'migration', tells: 'A rotation of the tenant key was started.' },
  'tenantkey.destroy': { target: 'tenant-key', tells: 'A version of the tenant key was destroyed.' },
  'datakey.rotate': { target: 'data-key', tells: 'A new version was made because somebody asked for it.' },
  'datakey.set-minimum-version': {
    target: 'data-key',
    tells: 'Older versions were retired, or brought back.',
  },
  'datakey.schedule-destruction': {
    target: 'destruction',
    tells: 'The destruction of a data key was scheduled.',
  },
  'datakey.cancel-destruction': {
    target: 'destruction',
    tells: 'The destruction of a data key was cancelled.',
  },
  'datakey.destroy': { target: 'destruction', tells: 'A data key was destroyed as scheduled.' },
} as const satisfies Record<string, { target: string; tells: string }>

export type AuditAction = keyof typeof auditActions

export const auditActionNames = Object.keys(auditActions) as AuditAction[]
