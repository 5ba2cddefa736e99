// keyhold keyprovider migrate, migration-details and reset-to-default-provider, with --wait.
import { Option, type Command } from 'commander'
import { parseSeconds } from '../global-options.ts'
import { openSession } from '../open-session.ts'
import { parsePathSegment } from '../path-segment.ts'
import { printReply } from '../print-reply.ts'
import { messageView } from '../views/message.ts'
import { migrationView } from '../views/migration.ts'
import { waitForMigration } from '../wait-for-migration.ts'

interface WaitOptions {
  wait?: true
  timeout?: number
}

export function addMigrationCommands(group: Command): void {
  withWaitOptions(group.command('migrate'))
    .description('Start the migration of the tenant to this key provider.')
    .argument('<fingerprint>', 'fingerprint of the key provider', parsePathSegment)
    .action(async (arnFingerPrint: string, { wait, timeout }: WaitOptions, command: Command) => {
      const session = await openSession(command, 'tenant-admin')
      const started = await session.call('migrateToKeyProvider', { params: { arnFingerPrint } })
      const reply = wait ? await waitForMigration(session, started.body.id, timeout) : started
      printReply(session.mode, reply, migrationView)
    })

  group
    .command('migration-details')
    .description('Show the running migration, or else the last completed one.')
    .action(async (_options: unknown, command: Command) => {
      const session = await openSession(command, 'tenant-admin')
      printReply(session.mode, await session.call('getMigrationDetails'), migrationView)
    })

  withWaitOptions(group.command('reset-to-default-provider'))
    .description('Start the migration back to the internal KMS.')
    .action(async ({ wait, timeout }: WaitOptions, command: Command) => {
      const session = await openSession(command, 'tenant-admin')
      const started = await session.call('resetToDefaultProvider')
      if (started.status === 200) {
        printReply(session.mode, started, messageView)
        return
      }
      // A 205 comes without its body, so that the migration's id is in its details alone.
      const details = await session.call('getMigrationDetails')
      const reply = wait ? await waitForMigration(session, details.body.id, timeout) : details
      printReply(session.mode, reply, migrationView)
    })
}

function withWaitOptions(command: Command): Command {
  return command
    .option('--wait', 'wait until it has completed, and show progress on standard error')
    .addOption(
      new Option('--timeout <seconds>', 'stop waiting after this time; implies --wait')
        .argParser(parseSeconds)
        .implies({ wait: true }),
    )
}
