// The closed table of the actions in audit records. Names are frozen, because they go into the hashes of stored
// records. This file imports nothing, because the wire's schemas take it into the browser.

export const auditActions = {
  'tenant.create': { target: 'tenant', tells: 'A tenant was created.' },
  'tenant.delete': { target: 'tenant', tells: 'A tenant was deleted, at once or as scheduled.' },
  'tenant.schedule-deletion': { target: 'destruction', tells: 'The deletion of the tenant was scheduled.' },
  'tenant.cancel-deletion': { target: 'destruction', tells: 'The deletion of the tenant was cancelled.' },
  'tenant.lock': { target: 'tenant', tells: 'The tenant was locked by its kill switch.' },
  'tenant.unlock': { target: 'tenant', tells: 'The tenant was unlocked.' },
  'tenant.change-settings': {
    target: 'tenant',
    tells: 'The time for which its keys may be held was changed.',
  },
  'tenant.drill': { target: 'tenant', tells: 'A drill for the loss of a region was run.' },
  'apikey.create': { target: 'api-key', tells: 'An API key was created.' },
  'apikey.delete': { target: 'api-key', tells: 'An API key was deleted.' },
  'apikey.rename': { target: 'api-key', tells: 'An API key got another name.' },
  'apikey.rotate': {
    target: 'api-key',
    tells: 'The successor of an API key was created; the one that it replaces works for a while.',
  },
  'session.begin': { target: 'session', tells: 'A session began: somebody signed in.' },
  'session.end': {
    target: 'session',
    tells: 'Sessions were ended: by their owner, an administrator or the identity provider.',
  },
  'setuplink.create': { target: 'setup-link', tells: 'A setup link was created.' },
  'setuplink.use': { target: 'setup-link', tells: 'A setup link was used: it began a session.' },
  'setuplink.end': { target: 'setup-link', tells: 'A setup link was withdrawn, or replaced by a newer one.' },
  'keyprovider.create': { target: 'key-provider', tells: 'A key provider was registered.' },
  'keyprovider.update': {
    target: 'key-provider',
    tells: 'The name or the description of a key provider was changed.',
  },
  'keyprovider.test': {
    target: 'key-provider',
    tells: 'A key provider was tested, and the result was stored.',
  },
  'keyprovider.delete': { target: 'key-provider', tells: 'A key provider was deleted.' },
  'keyprovider.move-alias': {
    target: 'key-provider',
    tells: 'The alias by which a key provider was registered names another key now.',
  },
  'keyhealth.change': { target: 'key-provider', tells: 'The state of a key in one region changed.' },
  'migration.start': { target: 'migration', tells: 'A migration was started.' },
  'migration.prepare': { target: 'migration', tells: 'A tenant key version was made under the target.' },
  'migration.dual': { target: 'migration', tells: 'The new tenant key version became active.' },
  'migration.cutover': { target: 'migration', tells: 'A migration or a rotation was completed.' },
  'migration.cancel': { target: 'migration', tells: 'A migration was cancelled, and its way back began.' },
  'migration.abort': { target: 'migration', tells: 'The way back of a cancelled migration was completed.' },
  'migration.supersede': {
    target: 'migration',
    tells: 'A rotation gave way to a migration, or a key job to the deletion of its tenant.',
  },
  'migration.retry': { target: 'migration', tells: 'A paused migration was continued.' },
  'migration.accept-failures': {
    target: 'migration',
    tells: 'Cipherkeys that do not open were accepted by name.',
  },
  'tenantkey.rotate': { target: 'migration', tells: 'A rotation of the tenant key was started.' },
  'tenantkey.destroy': { target: 'tenant-key', tells: 'A version of the tenant key was destroyed.' },
  'setup.change': { target: 'tenant', tells: 'The draft of the key set-up was changed.' },
  'setup.delete': { target: 'tenant', tells: 'The draft of the key set-up was deleted.' },
  'brand.change': { target: 'installation', tells: 'The brand of the installation was set.' },
  'brand.delete': { target: 'installation', tells: 'The brand of the installation was taken back.' },
  'datakey.rotate': { target: 'data-key', tells: 'A new data key version was made on request.' },
  'datakey.set-minimum-version': {
    target: 'data-key',
    tells: 'Older versions of a data key were retired, or brought back.',
  },
  'datakey.schedule-destruction': {
    target: 'destruction',
    tells: 'The destruction of a data key was scheduled.',
  },
  'datakey.cancel-destruction': {
    target: 'destruction',
    tells: 'The destruction of a data key was cancelled.',
  },
  'datakey.keep': {
    target: 'destruction',
    tells: 'Cipherkeys were not destroyed as scheduled, since they open again.',
  },
  'datakey.destroy': { target: 'destruction', tells: 'A data key was destroyed as scheduled.' },
  'signingkey.rotate': {
    target: 'signing-key',
    tells: 'The key that signs was replaced by a new one.',
  },
  'issuerkey.create': {
    target: 'issuer-key',
    tells: "A key was made with which Keyhold signs in at customers' clouds.",
  },
  'issuerkey.revoke': {
    target: 'issuer-key',
    tells: 'A new key signs in at once, and all earlier ones were revoked.',
  },
  'integrity.adopt': {
    target: 'installation',
    tells: 'Rows from before authentication were adopted by an operator, and authentication became required.',
  },
  'integrity.fault': {
    target: 'row',
    tells: 'A row was met that is not as Keyhold wrote it. Nothing follows from it.',
  },
  'integrity.accept': {
    target: 'row',
    tells: 'A row that was not as Keyhold wrote it was accepted by an operator.',
  },
  'integrity.confirm-restore': {
    target: 'installation',
    tells: 'An older database was confirmed by an operator.',
  },
  'tenant.confirm-restore': {
    target: 'tenant',
    tells: 'The older rows of a tenant were confirmed by an operator.',
  },
} as const satisfies Record<string, { target: string; tells: string }>

export type AuditAction = keyof typeof auditActions

export const auditActionNames = Object.keys(auditActions) as AuditAction[]
