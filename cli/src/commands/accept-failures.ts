// keyhold migration accept-failures: by name, or all that one tenant key version wraps, however many they are.
import type { KeyJobFailure, Reply } from '@keyhold/client'
import { CliError } from '../errors/cli-error.ts'
import { cipherkeysArgument, type Cipherkey } from '../input/cipherkeys.ts'
import { parsePathSegment } from '../input/parse-path-segment.ts'
import { wholeNumber } from '../input/whole-number.ts'
import { allPages } from '../session/all-pages.ts'
import type { Session } from '../session/open-session.ts'
import { command } from '../table/command-spec.ts'
import { argument, option } from '../table/input.ts'
import { keyJobView } from '../views/key-job.ts'

export const acceptFailuresCommand = command({
  name: 'accept-failures',
  about: 'Accept that cipherkeys do not open; everything encrypted under them stays unreadable.',
  inputs: {
    migrationId: argument('<id>', 'id of the key job', parsePathSegment),
    cipherkeys: cipherkeysArgument('[cipherkey...]'),
    tenantKeyVersion: option(
      '--tenant-key-version <version>',
      'all open ones that this version of the tenant key wraps',
      wholeNumber(1),
    ),
  },
  async run({ openSession, refuse }, { migrationId, cipherkeys = [], tenantKeyVersion }) {
    if (cipherkeys.length > 0 === (tenantKeyVersion !== undefined))
      refuse('name cipherkeys, or a version with --tenant-key-version')
    const session = await openSession('tenant-admin')
    const reply =
      tenantKeyVersion === undefined
        ? await accept(session, migrationId, cipherkeys)
        : await acceptUnder(session, migrationId, tenantKeyVersion)
    session.print(reply, keyJobView)
  },
})

type Accepted = Reply<'acceptMigrationFailures'>

function accept(session: Session, migrationId: string, failures: Cipherkey[]): Promise<Accepted> {
  return session.call('acceptMigrationFailures', { params: { migrationId }, body: { failures } })
}

// A page holds no more than may be accepted at once. Pages that were accepted stay so when a later one fails.
async function acceptUnder(session: Session, migrationId: string, version: number): Promise<Accepted> {
  let reply: Accepted | undefined
  const isMeant = ({ tenantKeyVersion, acceptedAt }: KeyJobFailure) =>
    tenantKeyVersion === version && acceptedAt === undefined
  for await (const { failures } of allPages(session, 'listMigrationFailures', { params: { migrationId } })) {
    const meant = failures.filter(isMeant)
    const named = meant.map(({ dataKeyId, version: each }) => ({ dataKeyId, version: each }))
    if (named.length > 0) reply = await accept(session, migrationId, named)
  }
  if (reply !== undefined) return reply
  const message = `key job ${migrationId} has no open failures under tenant key version ${version}`
  throw new CliError('notFound', 'ERR_CLI_NO_FAILURES', message, {
    hint: `keyhold migration failures ${migrationId} lists them`,
  })
}
