// keyhold keyprovider migrate, migration-details and reset-to-default-provider, with --wait; and what is asked before and
// after a migration: migrate --dry-run, usage.
import { Option, type Command } from 'commander'
import { parseSeconds } from '../global-options.ts'
import { CliError } from '../errors/cli-error.ts'
import { openSession, type Session } from '../session/open-session.ts'
import { parsePathSegment } from '../input/path-segment.ts'
import { printReply } from '../output/print-reply.ts'
import { keyJobView } from '../views/key-job.ts'
import { keyProviderUsageView, migrationPlanView } from '../views/key-use.ts'
import { messageView } from '../views/message.ts'
import { migrationView } from '../views/migration.ts'
import { watchKeyJob } from '../wait/watch-key-job.ts'
import { waitForMigration } from '../wait/wait-for-migration.ts'

interface WaitOptions {
  wait?: true
  timeout?: number
}

interface MigrateOptions extends WaitOptions {
  watch?: true
  dryRun?: true
}

export function addMigrationCommands(group: Command): void {
  withWaitOptions(group.command('migrate'))
    .description('Start the migration of the tenant to this key provider.')
    .argument('<fingerprint>', 'fingerprint of the key provider', parsePathSegment)
    .addOption(
      new Option('--watch', 'as --wait, with the rate and the time left, and for what becomes of it then'),
    )
    .addOption(
      new Option('--dry-run', 'tell what it would be like, and change nothing').conflicts(['wait', 'watch']),
    )
    .action(async (arnFingerPrint: string, options: MigrateOptions, command: Command) => {
      const { wait, watch, dryRun, timeout } = options
      const session = await openSession(command, 'tenant-admin')
      if (dryRun) {
        await planMigration(session, arnFingerPrint)
        return
      }
      const started = await session.call('migrateToKeyProvider', { params: { arnFingerPrint } })
      if (watch) {
        printReply(session.mode, await watchKeyJob(session, started.body.id, timeout), keyJobView)
        return
      }
      const reply = wait ? await waitForMigration(session, started.body.id, timeout) : started
      printReply(session.mode, reply, migrationView)
    })

  group
    .command('usage')
    .description('Tell what still hangs on the key, and since when it is safe to delete in its KMS.')
    .argument('<fingerprint>', 'fingerprint of the key provider', parsePathSegment)
    .action(async (arnFingerPrint: string, _options: unknown, command: Command) => {
      const session = await openSession(command, 'tenant-admin')
      const reply = await session.call('getKeyProviderUsage', { params: { arnFingerPrint } })
      printReply(session.mode, reply, keyProviderUsageView)
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

async function planMigration(session: Session, arnFingerPrint: string): Promise<void> {
  const reply = await session.call('planMigration', { params: { arnFingerPrint } })
  printReply(session.mode, reply, migrationPlanView)
  const [refusal] = reply.body.refusals
  if (refusal === undefined) return
  throw new CliError('conflict', refusal.code, 'the migration would be refused', { isPrinted: true })
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
