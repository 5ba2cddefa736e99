// keyhold keyprovider migrate and reset-to-default-provider: they start a migration, and follow it where that is wanted.
import { CliError } from '../errors/cli-error.ts'
import { parseSeconds } from '../input/parse-seconds.ts'
import { withKeyProvider } from '../session/find-key-provider.ts'
import type { Session } from '../session/open-session.ts'
import { command, type CommandSpec } from '../table/command-spec.ts'
import { flag, option, type Input } from '../table/input.ts'
import { keyJobView } from '../views/key-job.ts'
import { migrationPlanView } from '../views/key-use.ts'
import { migrationView } from '../views/migration.ts'
import { completedMigration } from '../wait/completed-migration.ts'
import { endedKeyJob } from '../wait/ended-key-job.ts'

// The server's own sentence has the original's words.
const notNeededView = {
  ids: () => [],
  text: () => 'The tenant already uses the internal KMS: no migration is needed.',
}

const waiting = {
  wait: flag('--wait', 'wait until it has completed, and show progress on standard error'),
  timeout: option('--timeout <seconds>', 'stop waiting after this time; implies --wait', parseSeconds, {
    implies: { wait: true },
  }),
}

export function migrateCommand(theProvider: Input<string>): CommandSpec {
  return command({
    name: 'migrate',
    about: 'Start the migration of the tenant to this key provider.',
    inputs: {
      arnFingerPrint: theProvider,
      ...waiting,
      watch: flag('--watch', 'as --wait, with the rate and the time left, whatever becomes of it'),
      plan: option('--plan <id>', 'only if nothing has changed since this plan, which --dry-run shows'),
      dryRun: flag('--dry-run', 'show what it would do, and change nothing', {
        conflicts: ['wait', 'watch', 'plan'],
      }),
    },
    async run({ openSession }, { arnFingerPrint, wait, watch, timeout, plan, dryRun }) {
      const session = await openSession('tenant-admin')
      if (dryRun) {
        await planMigration(session, arnFingerPrint)
        return
      }
      const started = await withKeyProvider(session, arnFingerPrint, (fingerprint) =>
        session.call('migrateToKeyProvider', {
          params: { arnFingerPrint: fingerprint },
          ...(plan !== undefined && { query: { plan } }),
        }),
      )
      const { id } = started.body
      if (watch) session.print(await endedKeyJob(session, id, timeout), keyJobView)
      else session.print(wait ? await completedMigration(session, id, timeout) : started, migrationView)
    },
  })
}

export const resetCommand = command({
  name: 'reset-to-default-provider',
  about: 'Start the migration back to the internal KMS.',
  inputs: waiting,
  async run({ openSession }, { wait, timeout }) {
    const session = await openSession('tenant-admin')
    const started = await session.call('resetToDefaultProvider')
    if (started.status === 200) {
      session.print(started, notNeededView)
      return
    }
    // A 205 has no body: the id of the migration stands only in its details.
    const details = await session.call('getMigrationDetails')
    const reply = wait ? await completedMigration(session, details.body.id, timeout) : details
    session.print(reply, migrationView)
  },
})

async function planMigration(session: Session, arnFingerPrint: string): Promise<void> {
  const reply = await withKeyProvider(session, arnFingerPrint, (fingerprint) =>
    session.call('planMigration', { params: { arnFingerPrint: fingerprint } }),
  )
  session.print(reply, migrationPlanView)
  const [refusal] = reply.body.refusals
  if (refusal === undefined) return
  throw new CliError('conflict', refusal.code, 'the migration would be refused', { isPrinted: true })
}
