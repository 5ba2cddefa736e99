// keyhold tenant-key …: the versions of the tenant key.
import type { Command } from 'commander'
import { openSession } from '../open-session.ts'
import { printReply } from '../print-reply.ts'
import { keyJobView } from '../views/key-job.ts'
import { tenantKeyListView } from '../views/tenant-key.ts'

export function addTenantKeyCommands(parent: Command): void {
  const group = parent.command('tenant-key').description('Versions of the tenant key.')

  group
    .command('ls')
    .alias('list')
    .description('List all versions, the newest first.')
    .action(async (_options: unknown, command: Command) => {
      const session = await openSession(command, 'tenant-admin')
      printReply(session.mode, await session.call('listTenantKeys'), tenantKeyListView)
    })

  group
    .command('rotate')
    .description('Start the rotation to a new version under the same KEK.')
    .action(async (_options: unknown, command: Command) => {
      const session = await openSession(command, 'tenant-admin')
      printReply(session.mode, await session.call('rotateTenantKey'), keyJobView)
    })
}
