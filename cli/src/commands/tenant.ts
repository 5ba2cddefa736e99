// keyhold tenant …: the operator's tenants.
import type { Command } from 'commander'
import { confirm } from '../input/confirm.ts'
import { openSession } from '../session/open-session.ts'
import { parsePathSegment } from '../input/path-segment.ts'
import { printReply, printStatus } from '../output/print-reply.ts'
import { addTenantDeletion } from './destruction.ts'
import { tenantListView, tenantView } from '../views/tenant.ts'

export function addTenantCommands(parent: Command): void {
  const group = parent.command('tenant').description('Tenants (with an operator token).')

  group
    .command('create')
    .description('Create a tenant, protected by the internal KMS.')
    .requiredOption('--name <name>', 'what people call it')
    .option('--id <id>', 'letters, digits, _ and -; made by the server when absent')
    .action(async (body: { name: string; id?: string }, command: Command) => {
      const session = await openSession(command, 'operator')
      printReply(session.mode, await session.call('createTenant', { body }), tenantView)
    })

  group
    .command('ls')
    .alias('list')
    .description('List all tenants.')
    .action(async (_options: unknown, command: Command) => {
      const session = await openSession(command, 'operator')
      printReply(session.mode, await session.call('listTenants'), tenantListView)
    })

  group
    .command('get')
    .description('Show one tenant.')
    .argument('<id>', 'id of the tenant', parsePathSegment)
    .action(async (tenantId: string, _options: unknown, command: Command) => {
      const session = await openSession(command, 'operator')
      printReply(session.mode, await session.call('getTenant', { params: { tenantId } }), tenantView)
    })

  group
    .command('rm')
    .description('Delete a tenant under which nothing was ever encrypted.')
    .argument('<id>', 'id of the tenant', parsePathSegment)
    .option('-y, --yes', 'do not ask')
    .action(async (tenantId: string, { yes }: { yes?: true }, command: Command) => {
      const session = await openSession(command, 'operator')
      if (!yes) await confirm(`delete the tenant ${tenantId}?`)
      printStatus(session.mode, await session.call('deleteTenant', { params: { tenantId } }))
    })

  addTenantDeletion(group)
}
