// keyhold tenant-key …: the versions of the tenant key.
import { Option, type Command } from 'commander'
import { parseSeconds } from '../global-options.ts'
import { openSession } from '../session/open-session.ts'
import { printReply } from '../output/print-reply.ts'
import { keyJobView } from '../views/key-job.ts'
import { tenantKeyListView } from '../views/tenant-key.ts'
import { watchKeyJob } from '../wait/watch-key-job.ts'

interface RotateOptions {
  watch?: true
  timeout?: number
}

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
    .option('--watch', 'wait until it has ended, and show phase, rate and time left on standard error')
    .addOption(
      new Option('--timeout <seconds>', 'stop watching after this time; implies --watch')
        .argParser(parseSeconds)
        .implies({ watch: true }),
    )
    .action(async ({ watch, timeout }: RotateOptions, command: Command) => {
      const session = await openSession(command, 'tenant-admin')
      const started = await session.call('rotateTenantKey')
      const reply = watch ? await watchKeyJob(session, started.body.id, timeout) : started
      printReply(session.mode, reply, keyJobView)
    })
}
