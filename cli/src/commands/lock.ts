// keyhold lock and unlock: the tenant's kill switch.
import { plain } from '../table/plain-command.ts'
import { tenantLockView } from '../views/tenant-lock.ts'

export const lockCommand = plain({
  name: 'lock',
  about: 'Lock the tenant: nothing is encrypted, decrypted or leased, on any replica.',
  as: 'tenant-admin',
  route: 'lockTenant',
  view: tenantLockView,
})

export const unlockCommand = plain({
  name: 'unlock',
  about: 'Unlock the tenant.',
  as: 'tenant-admin',
  route: 'unlockTenant',
  view: tenantLockView,
})
