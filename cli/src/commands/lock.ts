// keyhold lock and unlock: the tenant's kill switch.
import type { TenantLock } from '@keyhold/client'
import type { Command } from 'commander'
import { formatFields } from '../output/aligned-text.ts'
import { openSession } from '../session/open-session.ts'
import { printReply, type View } from '../output/print-reply.ts'
import { readableTime } from '../views/readable-time.ts'

const tenantLockView: View<TenantLock> = {
  ids: ({ tenantId }) => [tenantId],
  text: ({ tenantId, locked, lockedAt, lockedBy }) =>
    formatFields([
      ['tenant', tenantId],
      ['locked', locked ? 'yes' : 'no'],
      ['since', lockedAt === undefined ? undefined : readableTime(lockedAt)],
      ['by API key', lockedBy],
    ]),
}

export function addLockCommands(parent: Command): void {
  parent
    .command('lock')
    .description('Lock the tenant: nothing is encrypted, decrypted or leased, on any replica.')
    .action(async (_options: unknown, command: Command) => {
      const session = await openSession(command, 'tenant-admin')
      printReply(session.mode, await session.call('lockTenant'), tenantLockView)
    })

  parent
    .command('unlock')
    .description('Unlock the tenant.')
    .action(async (_options: unknown, command: Command) => {
      const session = await openSession(command, 'tenant-admin')
      printReply(session.mode, await session.call('unlockTenant'), tenantLockView)
    })
}
