// keyhold migration destroy-failures: the end of accepted cipherkeys, by name or all that one tenant key version wraps.
import type { Destruction } from '@keyhold/client'
import { CliError } from '../errors/cli-error.ts'
import { cipherkeysArgument, type Cipherkey } from '../input/cipherkeys.ts'
import { confirm } from '../input/confirm.ts'
import { parsePathSegment } from '../input/parse-path-segment.ts'
import { wholeNumber } from '../input/whole-number.ts'
import { allPages } from '../session/all-pages.ts'
import type { Session } from '../session/open-session.ts'
import { command } from '../table/command-spec.ts'
import { argument, flag, option } from '../table/input.ts'
import { destructionListView } from '../views/destruction.ts'
import { inDays } from './destruction.ts'

export const destroyFailuresCommand = command({
  name: 'destroy-failures',
  about: 'Schedule the destruction of accepted cipherkeys, so that their old key need not be kept.',
  inputs: {
    migrationId: argument('<id>', 'id of the key job', parsePathSegment),
    cipherkeys: cipherkeysArgument('[cipherkey...]'),
    tenantKeyVersion: option(
      '--tenant-key-version <version>',
      'all accepted ones that this version of the tenant key wraps',
      wholeNumber(1),
    ),
    inDays,
    yes: flag('-y, --yes', 'do not ask'),
  },
  async run({ shell, openSession, refuse }, { migrationId, cipherkeys = [], tenantKeyVersion, ...values }) {
    if (cipherkeys.length > 0 === (tenantKeyVersion !== undefined))
      refuse('name cipherkeys, or a version with --tenant-key-version')
    const question = `in ${String(values.inDays)} days, destroy cipherkeys that do not open, and all that is encrypted under them?`
    if (!values.yes) await confirm(shell, question)
    const session = await openSession('tenant-admin')
    const named =
      tenantKeyVersion === undefined
        ? [cipherkeys]
        : await acceptedUnder(session, migrationId, tenantKeyVersion)
    const destructions: Destruction[] = []
    for (const failures of named) {
      const body = { failures, inDays: values.inDays }
      destructions.push(
        (await session.call('destroyMigrationFailures', { params: { migrationId }, body })).body,
      )
    }
    session.printBody({ destructions }, destructionListView)
  },
})

// A page holds no more than one request may name. All are read first: what is scheduled does not change the pages.
async function acceptedUnder(
  session: Session,
  migrationId: string,
  tenantKeyVersion: number,
): Promise<Cipherkey[][]> {
  const pages: Cipherkey[][] = []
  for await (const { failures } of allPages(session, 'listMigrationFailures', { params: { migrationId } })) {
    const meant = failures.filter((each) => each.tenantKeyVersion === tenantKeyVersion && each.acceptedAt)
    if (meant.length > 0) pages.push(meant.map(({ dataKeyId, version }) => ({ dataKeyId, version })))
  }
  if (pages.length > 0) return pages
  const message = `key job ${migrationId} has no accepted failures under tenant key version ${tenantKeyVersion}`
  throw new CliError('notFound', 'ERR_CLI_NO_FAILURES', message, {
    hint: `keyhold migration failures ${migrationId} lists them`,
  })
}
