// keyhold lock and unlock: the tenant's kill switch.
import { command } from '../table/command-spec.ts'
import { flag, option } from '../table/input.ts'
import { plain } from '../table/plain-command.ts'
import { tenantLockView } from '../views/tenant-lock.ts'

export const lockCommand = command({
  name: 'lock',
  about: 'Lock the tenant: nothing is encrypted, decrypted or leased, on any replica.',
  inputs: {
    reason: option('--reason <text>', 'why, for everybody who sees the lock and for the audit trail'),
    show: flag('--show', 'show the lock, and change nothing', { conflicts: ['reason'] }),
  },
  async run({ openSession }, { reason, show }) {
    const session = await openSession('tenant-admin')
    const reply = show
      ? await session.call('getTenantLock')
      : await session.call('lockTenant', reason === undefined ? {} : { body: { reason } })
    session.print(reply, tenantLockView)
  },
})

export const unlockCommand = plain({
  name: 'unlock',
  about: 'Unlock the tenant.',
  as: 'tenant-admin',
  route: 'unlockTenant',
  view: tenantLockView,
})
