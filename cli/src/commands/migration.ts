// keyhold migration …: migrations and rotations, what they have set aside, and what may be done about them.
import type { KeyJob, KeyJobFailure, KeyJobReport } from '@keyhold/client'
import { InvalidArgumentError, Option, type Command } from 'commander'
import { parseSeconds } from '../global-options.ts'
import { openSession, type Session } from '../session/open-session.ts'
import { parsePathSegment } from '../input/path-segment.ts'
import { printReply } from '../output/print-reply.ts'
import { say } from '../output/say.ts'
import { signingKeys } from '../signatures/signing-keys.ts'
import { verifyReport } from '../signatures/verify-report.ts'
import { keyJobFailureListView, keyJobListView, keyJobView } from '../views/key-job.ts'
import { watchKeyJob } from '../wait/watch-key-job.ts'

const theMigration = ['<id>', 'id of the migration', parsePathSegment] as const
// As many as a page has at most.
const migrationsLimit = '100'
const failuresLimit = '1000'

interface ReportOptions {
  verify?: true
  keys?: string
}

export function addMigrationGroup(parent: Command): void {
  const group = parent.command('migration').description('Migrations and rotations, whatever became of them.')

  group
    .command('ls')
    .alias('list')
    .description('List them, the newest first.')
    .action(async (_options: unknown, command: Command) => {
      const session = await openSession(command, 'tenant-admin')
      const migrations = await listMigrations(session)
      printReply(session.mode, { body: { migrations }, text: JSON.stringify({ migrations }) }, keyJobListView)
    })

  group
    .command('show')
    .description('Show one.')
    .argument(...theMigration)
    .action(async (migrationId: string, _options: unknown, command: Command) => {
      const session = await openSession(command, 'tenant-admin')
      printReply(session.mode, await session.call('getMigration', { params: { migrationId } }), keyJobView)
    })

  group
    .command('watch')
    .description('Show phase, rate and time left on standard error until it has ended.')
    .argument(...theMigration)
    .addOption(new Option('--timeout <seconds>', 'stop watching after this time').argParser(parseSeconds))
    .action(async (migrationId: string, { timeout }: { timeout?: number }, command: Command) => {
      const session = await openSession(command, 'tenant-admin')
      printReply(session.mode, await watchKeyJob(session, migrationId, timeout), keyJobView)
    })

  group
    .command('failures')
    .description('List the cipherkeys that it has set aside because they do not open.')
    .argument(...theMigration)
    .action(async (migrationId: string, _options: unknown, command: Command) => {
      const session = await openSession(command, 'tenant-admin')
      const failures = await listFailures(session, migrationId)
      printReply(
        session.mode,
        { body: { failures }, text: JSON.stringify({ failures }) },
        keyJobFailureListView,
      )
    })

  group
    .command('accept-failures')
    .description('Accept that these cipherkeys do not open; what they encrypted stays unreadable.')
    .argument(...theMigration)
    .argument('<cipherkey...>', 'as failures lists them: <data key id>.<version>', parseCipherkey)
    .action(async (migrationId: string, failures: Cipherkey[], _options: unknown, command: Command) => {
      const session = await openSession(command, 'tenant-admin')
      const reply = await session.call('acceptMigrationFailures', {
        params: { migrationId },
        body: { failures },
      })
      printReply(session.mode, reply, keyJobView)
    })

  group
    .command('retry')
    .description('End its pause at once.')
    .argument(...theMigration)
    .action(async (migrationId: string, _options: unknown, command: Command) => {
      const session = await openSession(command, 'tenant-admin')
      printReply(session.mode, await session.call('retryMigration', { params: { migrationId } }), keyJobView)
    })

  group
    .command('cancel')
    .description('Turn it round before its cutover: everything goes back to where it was.')
    .argument(...theMigration)
    .action(async (migrationId: string, _options: unknown, command: Command) => {
      const session = await openSession(command, 'tenant-admin')
      printReply(session.mode, await session.call('cancelMigration', { params: { migrationId } }), keyJobView)
    })

  group
    .command('report')
    .description('Print the signed report of one that has ended.')
    .argument(...theMigration)
    .option('--verify', "check its signature with the server's public key")
    .addOption(
      new Option('--keys <path>', 'check it with the keys of this JWK set, kept from before').implies({
        verify: true,
      }),
    )
    .action(async (migrationId: string, options: ReportOptions, command: Command) => {
      const session = await openSession(command, 'tenant-admin')
      const reply = await session.call('getMigrationReport', { params: { migrationId } })
      if (options.verify) {
        const keyId = verifyReport(reply.body, await signingKeys(session, options.keys))
        if (session.mode === 'text') say(`the signature is valid, of key ${keyId}`)
      }
      printReply(session.mode, reply, reportView)
    })
}

const reportView = {
  ids: ({ jws }: KeyJobReport) => [jws],
  text: ({ report }: KeyJobReport) => JSON.stringify(report, undefined, 2),
}

interface Cipherkey {
  dataKeyId: string
  version: number
}

function parseCipherkey(text: string, previous: Cipherkey[] = []): Cipherkey[] {
  const { dataKeyId = '', version } =
    /^(?<dataKeyId>[0-9a-f-]{36})\.(?<version>[1-9][0-9]{0,9})$/.exec(text)?.groups ?? {}
  if (version === undefined) throw new InvalidArgumentError('It must be <data key id>.<version>.')
  return [...previous, { dataKeyId, version: Number(version) }]
}

async function listMigrations({ call }: Session): Promise<KeyJob[]> {
  const migrations: KeyJob[] = []
  let before: string | undefined
  do {
    const query = { limit: migrationsLimit, ...(before !== undefined && { before }) }
    const { body } = await call('listMigrations', { query })
    migrations.push(...body.migrations)
    before = body.next
  } while (before !== undefined)
  return migrations
}

async function listFailures({ call }: Session, migrationId: string): Promise<KeyJobFailure[]> {
  const failures: KeyJobFailure[] = []
  let after: string | undefined
  do {
    const query = { limit: failuresLimit, ...(after !== undefined && { after }) }
    const { body } = await call('listMigrationFailures', { params: { migrationId }, query })
    failures.push(...body.failures)
    after = body.next
  } while (after !== undefined)
  return failures
}
